// The formats behind open_image().
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "data/image_file.h"

namespace lq::image_formats {

/// Whether the bytes begin as the format does.
bool is_pnm(std::span<const std::byte> bytes);
bool is_png(std::span<const std::byte> bytes);
bool is_jpeg(std::span<const std::byte> bytes);

/// As open_image(), for bytes that begin so.
std::unique_ptr<ImageReader> open_pnm(std::span<const std::byte> bytes);
std::unique_ptr<ImageReader> open_png(std::span<const std::byte> bytes);
std::unique_ptr<ImageReader> open_jpeg(std::span<const std::byte> bytes);

/// Of a format whose files are decoded as a whole.
class WholeImageReader : public ImageReader {
 public:
  void read(const PixelRegion& region, Image& image) final;

 private:
  /// Makes shape() of `image`, and all of its pixels.
  virtual void decode(Image& image) = 0;
};

/// Throws Error for an image without pixels, and beyond most_image_extent and most_image_pixels.
void check_extents(const char* format, std::int64_t height, std::int64_t width);

}  // namespace lq::image_formats
