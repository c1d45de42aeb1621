// Checks of a public call's arguments.
#pragma once

#include <string_view>

#include "core/error.h"
#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// Throws Error unless the view is there, lies on the stream's device and has this shape.
template <typename T>
void check_view(std::string_view operation, std::string_view argument, const Stream& stream,
                const View<T>& view, const Shape& expected) {
  check(static_cast<bool>(view), "{}: {} is absent, expected {}", operation, argument, expected);
  check(view.shape == expected, "{}: {} is {}, expected {}", operation, argument, view.shape,
        expected);
  check(view.device == stream.device(), "{}: {} is on {}, expected {}", operation, argument,
        view.device, stream.device());
}

/// The same for one element, as a scalar of any rank.
template <typename T>
void check_scalar(std::string_view operation, std::string_view argument, const Stream& stream,
                  const View<T>& view) {
  check(view.elements() == 1, "{}: {} is {}, expected one element", operation, argument,
        view.shape);
  check_view(operation, argument, stream, view, view.shape);
}

/// The same as check_view() for a gradient that is written unless the mode is ignore.
inline void check_gradient(std::string_view operation, std::string_view argument,
                           const Stream& stream, const View<float>& gradient, const Shape& expected,
                           GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  check_view(operation, argument, stream, gradient, expected);
}

}  // namespace lq::kernels
