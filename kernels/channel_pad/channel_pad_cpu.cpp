#include <algorithm>

#include "core/threads.h"
#include "kernels/channel_pad/channel_pad.h"
#include "kernels/common/channel_slice.h"

namespace lq::kernels::cpu {

void channel_pad_forward(Stream&, ConstView<float> x, View<float> y,
                         const ChannelPadOptions& options) {
  const std::int64_t x_channels = x.shape[-1];
  const std::int64_t y_channels = y.shape[-1];
  parallel_for_ranges(pixels_of(y.shape), pixels_per_chunk(y_channels),
                      [&](std::int64_t begin, std::int64_t end) {
                        float* to = y.data + begin * y_channels;
                        for (std::int64_t pixel = begin; pixel < end; ++pixel) {
                          to = std::fill_n(to, options.before, 0.0F);
                          to = std::copy_n(x.data + pixel * x_channels, x_channels, to);
                          to = std::fill_n(to, options.after, 0.0F);
                        }
                      });
}

void channel_pad_backward(Stream&, ConstView<float> grad_y, View<float> grad_x,
                          const ChannelPadOptions& options, GradientMode mode) {
  take_channels(grad_y, options.before, grad_x, mode);
}

}  // namespace lq::kernels::cpu
