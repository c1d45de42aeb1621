// Images that are small, but not too small for a network.
#pragma once

#include <string_view>

#include "models/model.h"

namespace lq::testing {

/// The smallest of 16 x 16 x 3, 32 x 32 x 3, 64 x 64 x 3 and so on that the network takes.
inline Shape small_input(std::string_view model) {
  for (std::int64_t side = 16;; side *= 2) {
    const Shape input{side, side, 3};
    try {
      make_model(model, {.input = input});
      return input;
    } catch (const Error&) {
      if (side >= 512) throw;
    }
  }
}

}  // namespace lq::testing
