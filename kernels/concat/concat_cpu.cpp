#include "core/threads.h"
#include "kernels/common/channel_slice.h"
#include "kernels/concat/concat.h"

namespace lq::kernels::cpu {

void concat_forward(Stream&, std::span<const ConstView<float>> inputs, View<float> y) {
  const std::int64_t y_channels = y.shape[-1];
  parallel_for_ranges(
      pixels_of(y.shape), pixels_per_chunk(y_channels), [&](std::int64_t begin, std::int64_t end) {
        float* to = y.data + begin * y_channels;
        for (const ConstView<float>& x : inputs) {
          const std::int64_t channels = x.shape[-1];
          copy_channels(x.data + begin * channels, channels, to, y_channels, channels, end - begin);
          to += channels;
        }
      });
}

void concat_backward(Stream&, ConstView<float> grad_y, std::int64_t first_channel,
                     View<float> grad_x, GradientMode mode) {
  take_channels(grad_y, first_channel, grad_x, mode);
}

}  // namespace lq::kernels::cpu
