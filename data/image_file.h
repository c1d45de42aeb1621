// Images from files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "data/dataset.h"

namespace lq {

/// Height and width are at most so large: decoded, that is 3 bytes per pixel.
inline constexpr int most_image_extent = 20000;

/// Decodes a PNG, JPEG, PGM or PPM file; the content decides which it is, not the name. The result
/// has 1 channel (grey) or 3 (RGB), 8 bits each: transparency is dropped, 16 bits are rounded, and
/// JPEGs in CMYK are converted. Throws Error with the path for files that are missing, of another
/// kind, damaged, truncated or larger than most_image_extent.
Image read_image(const std::filesystem::path& path);

/// The same from memory, without a path in messages.
Image decode_image(std::span<const std::byte> bytes);

/// Brings an image to height x width x channels for a network: grey becomes three equal channels,
/// colours become luma (ITU-R BT.601). Images that differ in size are scaled, keeping their
/// proportions, until they cover the target (bilinear, averaging when they shrink), and cut around
/// the centre.
Image fit_image(const Image& image, int height, int width, int channels);

}  // namespace lq
