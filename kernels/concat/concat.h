// Concatenation along the channels, the last axis. NHWC, or any other rank of at least 1.
#pragma once

#include <cstdint>
#include <span>

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// y = the channels of inputs[0], then those of inputs[1], and so on; at least one input.
/// All axes but the last are equal, and the last one of y is the sum of those of the inputs.
/// y must not alias an input. Throws Error for other shapes.
using ConcatForward = void(Stream& stream, std::span<const ConstView<float>> inputs, View<float> y);

/// grad_x (+)= the channels of grad_y from first_channel on: the part that belongs to one input.
/// Equal shapes but for the last axis; throws Error where it does not lie within grad_y.
using ConcatBackward = void(Stream& stream, ConstView<float> grad_y, std::int64_t first_channel,
                            View<float> grad_x, GradientMode mode);

ConcatForward concat_forward;
ConcatBackward concat_backward;

namespace reference {
ConcatForward concat_forward;
ConcatBackward concat_backward;

/// The same loops for float and double (explicitly instantiated); double is for gradient checks.
template <typename T>
void concat_forward_loops(std::span<const ConstView<T>> inputs, View<T> y);
template <typename T>
void concat_backward_loops(ConstView<T> grad_y, std::int64_t first_channel, View<T> grad_x,
                           GradientMode mode);
}  // namespace reference

namespace cpu {
ConcatForward concat_forward;
ConcatBackward concat_backward;
}  // namespace cpu

namespace cuda {
ConcatForward concat_forward;
ConcatBackward concat_backward;
}  // namespace cuda

}  // namespace lq::kernels
