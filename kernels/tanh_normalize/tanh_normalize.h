// DoReFa's squashing of weights into [-1, 1].
#pragma once

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// squashed = tanh(x), which the gradient needs again, and y = squashed / max |squashed| over the
/// whole tensor; all zeros stay zeros. One NaN or infinite value in x, and all of y is NaN: no
/// other value of y would tell that it was there. Shapes equal; no overlap.
using TanhNormalizeForward = void(Stream& stream, ConstView<float> x, View<float> squashed,
                                  View<float> y);

/// grad_x (+)= the gradient of x, including the way through the maximum (the first of equal
/// maxima carries it); all NaN where y was. `squashed` is from the forward call.
using TanhNormalizeBackward = void(Stream& stream, ConstView<float> grad_y,
                                   ConstView<float> squashed, View<float> grad_x,
                                   GradientMode mode);

TanhNormalizeForward tanh_normalize_forward;
TanhNormalizeBackward tanh_normalize_backward;

namespace reference {
TanhNormalizeForward tanh_normalize_forward;
TanhNormalizeBackward tanh_normalize_backward;

/// The same loops for float and double.
template <typename T>
void tanh_normalize_forward_loops(ConstView<T> x, View<T> squashed, View<T> y);
template <typename T>
void tanh_normalize_backward_loops(ConstView<T> grad_y, ConstView<T> squashed, View<T> grad_x,
                                   GradientMode mode);
}  // namespace reference

namespace cpu {
TanhNormalizeForward tanh_normalize_forward;
TanhNormalizeBackward tanh_normalize_backward;
}  // namespace cpu

namespace cuda {
TanhNormalizeForward tanh_normalize_forward;
TanhNormalizeBackward tanh_normalize_backward;
}  // namespace cuda

}  // namespace lq::kernels
