// DoReFa's squashing of weights into [-1, 1].
#pragma once

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// y = tanh(x) / max |tanh(x)| over the whole tensor; all zeros stay zeros. Shapes equal.
using TanhNormalizeForward = void(Stream& stream, ConstView<float> x, View<float> y);

/// grad_x (+)= the gradient of x, including the way through the maximum (the first of equal
/// maxima carries it).
using TanhNormalizeBackward = void(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                                   View<float> grad_x, GradientMode mode);

TanhNormalizeForward tanh_normalize_forward;
TanhNormalizeBackward tanh_normalize_backward;

namespace reference {
TanhNormalizeForward tanh_normalize_forward;
TanhNormalizeBackward tanh_normalize_backward;

/// The same loops for float and double.
template <typename T>
void tanh_normalize_forward_loops(ConstView<T> x, View<T> y);
template <typename T>
void tanh_normalize_backward_loops(ConstView<T> grad_y, ConstView<T> x, View<T> grad_x,
                                   GradientMode mode);
}  // namespace reference

namespace cuda {
TanhNormalizeForward tanh_normalize_forward;
TanhNormalizeBackward tanh_normalize_backward;
}  // namespace cuda

}  // namespace lq::kernels
