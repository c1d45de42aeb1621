// The formats behind decode_image().
#pragma once

#include <cstddef>
#include <span>

#include "data/image.h"

namespace lq::image_formats {

/// Whether the bytes begin as the format does.
bool is_pnm(std::span<const std::byte> bytes);
bool is_png(std::span<const std::byte> bytes);
bool is_jpeg(std::span<const std::byte> bytes);

/// H W C of what the decoders below make; as the functions below, they throw Error for damaged
/// content, and for extents that are not in [1, most_image_extent].
Shape pnm_shape(std::span<const std::byte> bytes);
Shape png_shape(std::span<const std::byte> bytes);
Shape jpeg_shape(std::span<const std::byte> bytes);

Image decode_pnm(std::span<const std::byte> bytes);
Image decode_png(std::span<const std::byte> bytes);
/// As its Exif orientation says it is to be seen.
Image decode_jpeg(std::span<const std::byte> bytes);

/// The region of decode_jpeg(), of which it decodes little more.
void decode_jpeg_region(std::span<const std::byte> bytes, const PixelRegion& region, Image& image);

/// Throws Error unless both are in [1, most_image_extent].
void check_extents(const char* format, std::int64_t height, std::int64_t width);

}  // namespace lq::image_formats
