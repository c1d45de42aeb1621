// Views that public calls must refuse.
#pragma once

#include "core/view.h"

namespace lq::testing {

/// The same view, said to lie on a device that no stream of a test serves: "cuda:7".
template <typename T>
View<T> elsewhere(View<T> view) {
  view.device = {DeviceType::cuda, 7};
  return view;
}

}  // namespace lq::testing
