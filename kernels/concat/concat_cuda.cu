#include "kernels/common/cuda/channel_slice.h"
#include "kernels/concat/concat.h"

namespace lq::kernels::cuda {

void concat_forward(Stream& stream, std::span<const ConstView<float>> inputs, View<float> y) {
  float* to = y.data;
  for (const ConstView<float>& x : inputs) {
    const std::int64_t channels = x.shape[-1];
    copy_channels("concat_forward", stream, pixels_of(y.shape), channels, {x.data, channels},
                  {to, y.shape[-1]});
    to += channels;
  }
}

void concat_backward(Stream& stream, ConstView<float> grad_y, std::int64_t first_channel,
                     View<float> grad_x, GradientMode mode) {
  take_channels("concat_backward", stream, grad_y, first_channel, grad_x, mode);
}

}  // namespace lq::kernels::cuda
