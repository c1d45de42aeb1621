// How a photograph is to be turned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "data/image.h"

namespace lq {

/// What has to be done with the pixels of a file before they are seen: rows become columns, then
/// rows or columns are reversed.
struct Orientation {
  bool transposed = false;
  bool rows_reversed = false;
  bool columns_reversed = false;

  bool is_upright() const { return !transposed && !rows_reversed && !columns_reversed; }
  friend bool operator==(const Orientation&, const Orientation&) = default;
};

/// Of the content of a JPEG's APP1 segment; upright where it is no Exif data or says nothing valid.
Orientation exif_orientation(std::span<const std::uint8_t> app1);

/// The part of an image of height x width as stored that becomes `region` of the turned one.
PixelRegion stored_region(const Orientation& orientation, const PixelRegion& region, int height,
                          int width);

/// Turns an image.
void turn(const Orientation& orientation, const Image& from, Image& to);

}  // namespace lq
