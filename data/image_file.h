// Images from files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "data/image.h"

namespace lq {

/// Height and width are at most so large: decoded, that is 3 bytes per pixel.
inline constexpr int most_image_extent = 20000;

/// Far above any image that most_image_extent allows to be useful; bounds what is read of a file.
inline constexpr std::uint64_t most_image_file_bytes = std::uint64_t{1} << 30;

/// Decodes a PNG, JPEG, PGM or PPM file; the content decides which it is, not the name. The result
/// has 1 channel (grey) or 3 (RGB), 8 bits each: transparency is dropped, 16 bits are rounded,
/// JPEGs in CMYK are converted, and JPEGs are turned as their Exif data says. Throws Error with the
/// path for files that are missing, of another kind, damaged, truncated or larger than
/// most_image_extent.
Image read_image(const std::filesystem::path& path);

/// The same from memory, without a path in messages.
Image decode_image(std::span<const std::byte> bytes);

/// H W C of what decode_image() makes of the bytes, from their beginning alone. Throws as it does.
Shape encoded_image_shape(std::span<const std::byte> bytes);

/// The pixels of a region of decode_image(bytes); of a JPEG little more is decoded. Throws as it
/// does, but that damage behind the region may go unnoticed.
void decode_image_region(std::span<const std::byte> bytes, const PixelRegion& region, Image& image);

/// Brings an image to height x width x channels for a network: grey becomes three equal channels,
/// colours become luma (ITU-R BT.601). Images that differ in size are scaled, keeping their
/// proportions, until they cover the target (bilinear, averaging when they shrink), and cut around
/// the centre.
Image fit_image(const Image& image, int height, int width, int channels);

}  // namespace lq
