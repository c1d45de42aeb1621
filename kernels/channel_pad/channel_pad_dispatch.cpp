#include <algorithm>
#include <array>

#include "kernels/channel_pad/channel_pad.h"
#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"

namespace lq::kernels {

Shape channel_pad_output_shape(const Shape& x, const ChannelPadOptions& options) {
  check(x.rank() >= 1, "channel_pad: x is a scalar, expected channels");
  check(options.before >= 0 && options.after >= 0,
        "channel_pad: {} channels before and {} after, expected 0 or more", options.before,
        options.after);
  std::array<std::int64_t, Shape::max_rank> extents{};
  std::ranges::copy(x.extents(), extents.begin());
  extents[x.rank() - 1] += options.before + options.after;
  return Shape(std::span<const std::int64_t>(extents).first(x.extents().size()));
}

void channel_pad_forward(Stream& stream, ConstView<float> x, View<float> y,
                         const ChannelPadOptions& options) {
  constexpr std::string_view operation = "channel_pad_forward";
  const Shape expected = channel_pad_output_shape(x.shape, options);
  check_view(operation, "x", stream, x, x.shape);
  check_view(operation, "y", stream, y, expected);
  choose<ChannelPadForward>(operation, stream,
                            {reference::channel_pad_forward, cpu::channel_pad_forward,
                             LQNET_CUDA_KERNEL(cuda::channel_pad_forward)})(stream, x, y, options);
}

void channel_pad_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                          const ChannelPadOptions& options, GradientMode mode) {
  constexpr std::string_view operation = "channel_pad_backward";
  if (mode == GradientMode::ignore) return;
  const Shape expected = channel_pad_output_shape(grad_x.shape, options);
  check_view(operation, "grad_y", stream, grad_y, expected);
  check_view(operation, "grad_x", stream, grad_x, grad_x.shape);
  choose<ChannelPadBackward>(operation, stream,
                             {reference::channel_pad_backward, cpu::channel_pad_backward,
                              LQNET_CUDA_KERNEL(cuda::channel_pad_backward)})(
      stream, grad_y, grad_x, options, mode);
}

}  // namespace lq::kernels
