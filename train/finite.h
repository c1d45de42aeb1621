// Finding what a diverged run has left in its tensors.
#pragma once

#include <optional>
#include <string>

#include "layers/module.h"

namespace lq {

/// A value that is infinite or no number, and the entry that holds it.
struct NonFiniteValue {
  std::string name;
  double value = 0.0;
};

/// The first such value in the order of the entries and their elements; absent where all are
/// finite. Looks at f32 and f64 entries on any device.
std::optional<NonFiniteValue> find_non_finite(const StateDict& state);

}  // namespace lq
