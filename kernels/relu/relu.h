// Rectified linear unit, elementwise, any shape.
#pragma once

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// y = max(x, 0); NaN stays NaN, so that a diverged run shows. Shapes equal. y may alias x.
using ReluForward = void(Stream& stream, ConstView<float> x, View<float> y);

/// grad_x (+)= grad_y where y > 0, else 0: `y` is the output of the forward pass.
/// Shapes equal; in overwrite mode grad_x may alias grad_y.
using ReluBackward = void(Stream& stream, ConstView<float> grad_y, ConstView<float> y,
                          View<float> grad_x, GradientMode mode);

ReluForward relu_forward;
ReluBackward relu_backward;

namespace reference {
ReluForward relu_forward;
ReluBackward relu_backward;

/// The same loops for float and double (explicitly instantiated); double is for gradient checks.
template <typename T>
void relu_forward_loops(ConstView<T> x, View<T> y);
template <typename T>
void relu_backward_loops(ConstView<T> grad_y, ConstView<T> y, View<T> grad_x, GradientMode mode);
}  // namespace reference

namespace cpu {
ReluForward relu_forward;
ReluBackward relu_backward;
}  // namespace cpu

namespace cuda {
ReluForward relu_forward;
ReluBackward relu_backward;
}  // namespace cuda

}  // namespace lq::kernels
