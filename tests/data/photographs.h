// Images and JPEG files for tests.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/rng.h"
#include "data/image_writer.h"

namespace lq::testing {

/// Smooth enough for JPEG, with chance in every pixel.
inline Image random_photograph(int height, int width, int channels, std::uint64_t seed) {
  Rng rng(seed, RngPurpose::test);
  Image image;
  image.resize(height, width, channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const int plane = 3 * y + (c + 1) * x;
        image.pixels[(y * width + x) * channels + c] =
            static_cast<std::uint8_t>((plane + static_cast<int>(rng.below(60))) % 256);
      }
    }
  }
  return image;
}

/// Flat hills, no steps: nearly all of them is in the lowest frequencies.
inline Image hills(int height, int width, int channels) {
  Image image;
  image.resize(height, width, channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels[(y * width + x) * channels + c] = static_cast<std::uint8_t>(
            128 + 60 * std::sin(0.05 * y + c) + 60 * std::cos(0.03 * x - c));
      }
    }
  }
  return image;
}

/// Of as many pixels, in grey levels.
inline double mean_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

/// Puts Exif data with this orientation behind the first marker of a JPEG.
inline std::vector<std::byte> with_orientation(std::vector<std::byte> jpeg, int orientation,
                                               bool big_endian) {
  const std::string tiff =
      big_endian ? std::string("MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) +
                       static_cast<char>(orientation) + std::string(6, '\0')
                 : std::string("II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) +
                       static_cast<char>(orientation) + std::string(7, '\0');
  const std::string content = std::string("Exif\0\0", 6) + tiff;
  const auto size = static_cast<char>(content.size() + 2);
  const std::string segment = std::string("\xff\xe1\0", 3) + size + content;
  const auto bytes = lq::as_bytes(segment);
  jpeg.insert(jpeg.begin() + 2, bytes.begin(), bytes.end());
  return jpeg;
}

inline void write_jpeg(const std::filesystem::path& path, const Image& image,
                       const JpegOptions& options = {}) {
  std::filesystem::create_directories(path.parent_path());
  write_file_atomically(path, encode_jpeg(image, options));
}

}  // namespace lq::testing
