#include "kernels/common/channel_slice.h"
#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/concat/concat.h"

namespace lq::kernels {

void concat_forward(Stream& stream, std::span<const ConstView<float>> inputs, View<float> y) {
  constexpr std::string_view operation = "concat_forward";
  check(!inputs.empty(), "{}: no inputs given, expected one or more", operation);
  std::int64_t channels = 0;
  for (const ConstView<float>& x : inputs) {
    check(same_pixels(x.shape, y.shape), "{}: input {} for output {}, expected equal pixels",
          operation, x.shape, y.shape);
    check_view(operation, "input", stream, x, x.shape);
    channels += x.shape[-1];
  }
  check(channels == y.shape[-1], "{}: output {} for inputs with {} channels in all", operation,
        y.shape, channels);
  check_view(operation, "y", stream, y, y.shape);
  choose<ConcatForward>(operation, stream,
                        {reference::concat_forward, cpu::concat_forward,
                         LQNET_CUDA_KERNEL(cuda::concat_forward)})(stream, inputs, y);
}

void concat_backward(Stream& stream, ConstView<float> grad_y, std::int64_t first_channel,
                     View<float> grad_x, GradientMode mode) {
  constexpr std::string_view operation = "concat_backward";
  if (mode == GradientMode::ignore) return;
  check(same_pixels(grad_x.shape, grad_y.shape),
        "{}: grad_x {} for grad_y {}, expected equal pixels", operation, grad_x.shape,
        grad_y.shape);
  check(first_channel >= 0 && first_channel + grad_x.shape[-1] <= grad_y.shape[-1],
        "{}: grad_x {} from channel {} of grad_y {} on, expected to lie within", operation,
        grad_x.shape, first_channel, grad_y.shape);
  check_view(operation, "grad_y", stream, grad_y, grad_y.shape);
  check_view(operation, "grad_x", stream, grad_x, grad_x.shape);
  choose<ConcatBackward>(
      operation, stream,
      {reference::concat_backward, cpu::concat_backward, LQNET_CUDA_KERNEL(cuda::concat_backward)})(
      stream, grad_y, first_channel, grad_x, mode);
}

}  // namespace lq::kernels
