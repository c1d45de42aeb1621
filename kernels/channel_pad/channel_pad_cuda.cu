#include "kernels/channel_pad/channel_pad.h"
#include "kernels/common/cuda/channel_slice.h"

namespace lq::kernels::cuda {

namespace {

/// Every channel of y: that of x, or zero. A group lies wholly within x or wholly outside.
struct PadChannels {
  const float* x;
  float* y;
  int x_channels;
  int y_channels;
  int before;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    const int source = channel - before;
    Channels<group> values{};
    if (source >= 0 && source < x_channels) {
      values = load_channels<group>(x + static_cast<std::int64_t>(pixel) * x_channels + source);
    }
    store_channels<group>(y + static_cast<std::int64_t>(pixel) * y_channels + channel, values);
  }
};

}  // namespace

void channel_pad_forward(Stream& stream, ConstView<float> x, View<float> y,
                         const ChannelPadOptions& options) {
  constexpr std::string_view operation = "channel_pad_forward";
  const std::int64_t x_channels = x.shape[-1];
  const std::int64_t y_channels = y.shape[-1];
  const bool in_groups = fit_groups(y_channels, x.data, y.data) &&
                         x_channels % channels_of_group == 0 &&
                         options.before % channels_of_group == 0;
  const PadChannels pad{x.data, y.data, index_extent(operation, x_channels),
                        index_extent(operation, y_channels),
                        index_extent(operation, options.before)};
  for_each_pixel(operation, stream, pixels_of(y.shape), y_channels, in_groups, pad);
}

void channel_pad_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                          const ChannelPadOptions& options, GradientMode mode) {
  take_channels("channel_pad_backward", stream, grad_y, options.before, grad_x, mode);
}

}  // namespace lq::kernels::cuda
