// Images from files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "data/image.h"

namespace lq {

/// Height and width are at most so large.
inline constexpr int most_image_extent = 20000;

/// Height x width is at most so large: decoded, that is up to 3 bytes for each. A small file may
/// say that it is larger; Pillow draws the same line.
inline constexpr std::int64_t most_image_pixels = 178'956'970;

/// Far above any file of so many pixels that is useful; bounds what is read.
inline constexpr std::uint64_t most_image_file_bytes = std::uint64_t{1} << 30;

/// An image file whose header has been read.
class ImageReader {
 public:
  virtual ~ImageReader() = default;

  /// H W C of the image. C is 1 (grey) or 3 (RGB).
  virtual Shape shape() const = 0;
  /// Makes it the image at 1/factor of its height and width, rounded up, as far as the format can
  /// be decoded so: a JPEG, whose blocks of factor x factor pixels become their averages, nearly
  /// (chroma that is not 4:4:4 or 4:2:0 may become coarser). `factor` is 2, 4 or 8. Returns the
  /// factor that it is, 1 for other formats. Before read().
  virtual int reduce(int /*factor*/) { return 1; }
  /// Decodes a region, which lies within the image, into `image`, whose memory is used again; of a
  /// JPEG little more is decoded. To be called once. Throws Error for damaged and truncated files;
  /// damage behind the region may go unnoticed, unless the file ends there.
  virtual void read(const PixelRegion& region, Image& image) = 0;
};

/// Reads the header of a PNG, JPEG, PGM or PPM file; the content decides which it is. Its pixels
/// have 8 bits in each channel: what is transparent shows black, 16 bits are rounded, JPEGs in CMYK
/// are converted, and JPEGs are turned as their Exif data says. `bytes` are the whole file and have
/// to outlive the reader. Throws Error, without a path, for files of another kind, damaged ones,
/// and images beyond most_image_extent and most_image_pixels.
std::unique_ptr<ImageReader> open_image(std::span<const std::byte> bytes);

/// All pixels of such a file. Throws Error as open_image() and ImageReader::read() do.
Image decode_image(std::span<const std::byte> bytes);

/// Puts an image file into `bytes`, whose memory is used again. Throws Error with the path where it
/// cannot be read, and for one of more than most_image_file_bytes.
void read_image_file(const std::filesystem::path& path, std::vector<std::byte>& bytes);

/// All pixels of a file on the disk. Throws Error with the path, also where it cannot be read.
Image read_image(const std::filesystem::path& path);

/// Brings an image to height x width x channels for a network: grey becomes three equal channels,
/// colours become luma (ITU-R BT.601). Images that differ in size are scaled, keeping their
/// proportions to the nearest pixel, until they cover the target (Interpolation::bilinear), and cut
/// around the centre.
Image fit_image(const Image& image, int height, int width, int channels);

}  // namespace lq
