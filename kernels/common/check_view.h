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
  check(static_cast<bool>(view), "{}: {} is absent, expected {}", operation, argument,
        expected.to_string());
  check(view.shape == expected, "{}: {} is {}, expected {}", operation, argument,
        view.shape.to_string(), expected.to_string());
  check(view.device == stream.device(), "{}: {} is on {}, expected {}", operation, argument,
        view.device.to_string(), stream.device().to_string());
}

/// The same for a gradient that is written unless the mode is ignore.
inline void check_gradient(std::string_view operation, std::string_view argument,
                           const Stream& stream, const View<float>& gradient, const Shape& expected,
                           GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  check_view(operation, argument, stream, gradient, expected);
}

}  // namespace lq::kernels
