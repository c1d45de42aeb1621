// Decoded images.
#pragma once

#include <cstdint>
#include <vector>

#include "core/shape.h"

namespace lq {

/// One decoded image: H x W x C bytes, channels innermost (RGB or grey).
struct Image {
  int height = 0;
  int width = 0;
  int channels = 0;
  std::vector<std::uint8_t> pixels;

  /// Sets the extents and makes room for the pixels, whose values are left unspecified.
  void resize(int new_height, int new_width, int new_channels);
  Shape shape() const { return {height, width, channels}; }
};

/// A rectangle of an image, in pixels.
struct PixelRegion {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;

  friend bool operator==(const PixelRegion&, const PixelRegion&) = default;
};

/// All of an image of shape H W C.
PixelRegion whole_region(const Shape& shape);

/// Copies a region of `from`, which it lies within, to `to`.
void copy_region(const Image& from, const PixelRegion& region, Image& to);

/// The luma of a pixel (ITU-R BT.601), rounded.
inline std::uint8_t luma_byte(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
}

}  // namespace lq
