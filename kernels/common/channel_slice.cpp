#include "kernels/common/channel_slice.h"

#include <algorithm>

#include "core/threads.h"

namespace lq::kernels {

std::int64_t pixels_of(const Shape& shape) {
  std::int64_t pixels = 1;
  for (int axis = 0; axis < shape.rank() - 1; ++axis) pixels *= shape[axis];
  return pixels;
}

bool same_pixels(const Shape& a, const Shape& b) {
  if (a.rank() < 1 || a.rank() != b.rank()) return false;
  return std::ranges::equal(a.extents().first(a.extents().size() - 1),
                            b.extents().first(b.extents().size() - 1));
}

namespace cpu {

void copy_channels(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride,
                   std::int64_t channels, std::int64_t pixels) {
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    std::copy_n(from + pixel * from_stride, channels, to + pixel * to_stride);
  }
}

void take_channels(ConstView<float> from, std::int64_t first_channel, View<float> to,
                   GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t from_stride = from.shape[-1];
  const std::int64_t channels = to.shape[-1];
  const float* const source = from.data + first_channel;
  parallel_for_ranges(
      pixels_of(to.shape), pixels_per_chunk(channels), [&](std::int64_t begin, std::int64_t end) {
        if (mode == GradientMode::overwrite) {
          copy_channels(source + begin * from_stride, from_stride, to.data + begin * channels,
                        channels, channels, end - begin);
          return;
        }
        for (std::int64_t pixel = begin; pixel < end; ++pixel) {
          const float* const row = source + pixel * from_stride;
          float* const sum = to.data + pixel * channels;
          for (std::int64_t c = 0; c < channels; ++c) sum[c] += row[c];
        }
      });
}

std::int64_t pixels_per_chunk(std::int64_t channels) {
  constexpr std::int64_t elements = 1 << 15;
  return std::max<std::int64_t>(elements / std::max<std::int64_t>(channels, 1), 1);
}

}  // namespace cpu
}  // namespace lq::kernels
