// Zero channels before and after those of a map: the widening of the type-A shortcut
// (spec section 3.2). NHWC, or any other rank of at least 1; channels are the last axis.
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// Numbers of zero channels, 0 or more.
struct ChannelPadOptions {
  std::int64_t before = 0;
  std::int64_t after = 0;
};

/// Shape of the output: x with before + C + after channels. Throws Error for a scalar x and for
/// negative options.
Shape channel_pad_output_shape(const Shape& x, const ChannelPadOptions& options);

/// y = `before` zero channels, those of x, `after` zero channels. y must not alias x.
/// Throws Error for other shapes.
using ChannelPadForward = void(Stream& stream, ConstView<float> x, View<float> y,
                               const ChannelPadOptions& options);

/// grad_x (+)= the channels of grad_y that came from x.
using ChannelPadBackward = void(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                                const ChannelPadOptions& options, GradientMode mode);

ChannelPadForward channel_pad_forward;
ChannelPadBackward channel_pad_backward;

namespace reference {
ChannelPadForward channel_pad_forward;
ChannelPadBackward channel_pad_backward;

/// The same loops for float and double (explicitly instantiated); double is for gradient checks.
template <typename T>
void channel_pad_forward_loops(ConstView<T> x, View<T> y, const ChannelPadOptions& options);
template <typename T>
void channel_pad_backward_loops(ConstView<T> grad_y, View<T> grad_x,
                                const ChannelPadOptions& options, GradientMode mode);
}  // namespace reference

namespace cpu {
ChannelPadForward channel_pad_forward;
ChannelPadBackward channel_pad_backward;
}  // namespace cpu

namespace cuda {
ChannelPadForward channel_pad_forward;
ChannelPadBackward channel_pad_backward;
}  // namespace cuda

}  // namespace lq::kernels
