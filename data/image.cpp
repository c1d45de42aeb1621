#include "data/image.h"

#include <algorithm>

namespace lq {

void Image::resize(int new_height, int new_width, int new_channels) {
  height = new_height;
  width = new_width;
  channels = new_channels;
  pixels.resize(static_cast<std::size_t>(shape().elements()));
}

PixelRegion whole_region(const Shape& shape) {
  return {0, 0, static_cast<int>(shape[0]), static_cast<int>(shape[1])};
}

void copy_region(const Image& from, const PixelRegion& region, Image& to) {
  to.resize(region.height, region.width, from.channels);
  const std::int64_t row = std::int64_t{from.width} * from.channels;
  const std::int64_t part = std::int64_t{region.width} * from.channels;
  const std::uint8_t* source =
      from.pixels.data() + region.top * row + std::int64_t{region.left} * from.channels;
  for (std::int64_t y = 0; y < region.height; ++y) {
    std::copy_n(source + y * row, part, to.pixels.data() + y * part);
  }
}

}  // namespace lq
