// Copies between tensors that differ only in their channels, the last axis. For *_cuda.cu files.
#pragma once

#include "kernels/common/channel_slice.h"
#include "kernels/common/cuda/pixels.h"

namespace lq::kernels::cuda {

/// Channels of pixels that are `stride` values apart.
template <typename T>
struct ChannelSlice {
  T* data = nullptr;  // first channel of the first pixel
  std::int64_t stride = 0;

  __device__ T* at(int pixel, int channel) const { return data + pixel * stride + channel; }
};

struct CopyChannels {
  ChannelSlice<const float> from;
  ChannelSlice<float> to;
  bool add;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    deliver_channels<group>(to.at(pixel, channel), load_channels<group>(from.at(pixel, channel)),
                            add);
  }
};

/// to (+)= from, `channels` values of each pixel.
inline void copy_channels(std::string_view operation, Stream& stream, std::int64_t pixels,
                          std::int64_t channels, ChannelSlice<const float> from,
                          ChannelSlice<float> to, bool add = false) {
  const bool in_groups = fit_groups(channels, from.data, to.data) &&
                         from.stride % channels_of_group == 0 && to.stride % channels_of_group == 0;
  for_each_pixel(operation, stream, pixels, channels, in_groups, CopyChannels{from, to, add});
}

/// to (+)= the channels of `from` from first_channel on. They have the same pixels.
inline void take_channels(std::string_view operation, Stream& stream, ConstView<float> from,
                          std::int64_t first_channel, View<float> to, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  copy_channels(operation, stream, pixels_of(to.shape), to.shape[-1],
                {from.data + first_channel, from.shape[-1]}, {to.data, to.shape[-1]},
                mode == GradientMode::accumulate);
}

}  // namespace lq::kernels::cuda
