// The formats behind decode_image().
#pragma once

#include <cstddef>
#include <span>

#include "data/dataset.h"

namespace lq::image_formats {

/// Whether the bytes begin as the format does.
bool is_pnm(std::span<const std::byte> bytes);
bool is_png(std::span<const std::byte> bytes);
bool is_jpeg(std::span<const std::byte> bytes);

/// Throw Error for damaged content; the extents are in [1, most_image_extent].
Image decode_pnm(std::span<const std::byte> bytes);
Image decode_png(std::span<const std::byte> bytes);
Image decode_jpeg(std::span<const std::byte> bytes);

/// Throws Error unless both are in [1, most_image_extent].
void check_extents(const char* format, std::int64_t height, std::int64_t width);

}  // namespace lq::image_formats
