#include "data/image_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/error.h"
#include "core/io/file.h"
#include "data/image_decoders.h"
#include "data/resample.h"

namespace lq {

namespace {

/// The image itself where it has so many channels, otherwise `converted`, which becomes the image
/// with them.
const Image& with_channels(const Image& image, int channels, Image& converted) {
  check((image.channels == 1 || image.channels == 3) && (channels == 1 || channels == 3),
        "image: {} channels for a network with {}, expected 1 or 3", image.channels, channels);
  if (image.channels == channels) return image;
  converted.resize(image.height, image.width, channels);
  const std::int64_t pixels = std::int64_t{image.height} * image.width;
  for (std::int64_t i = 0; i < pixels; ++i) {
    if (channels == 1) {
      converted.pixels[i] = luma_byte(&image.pixels[3 * i]);
    } else {
      std::fill_n(&converted.pixels[3 * i], 3, image.pixels[i]);
    }
  }
  return converted;
}

/// The middle `count` pixels of an axis that is scaled.
ScaledAxis centre_of(int source, double scale, int count) {
  const int target = std::max(count, static_cast<int>(std::lround(source * scale)));
  return {.source = source, .target = target, .first = (target - count) / 2, .count = count};
}

}  // namespace

namespace image_formats {

void WholeImageReader::read(const PixelRegion& region, Image& image) {
  if (region == whole_region(shape())) {
    decode(image);
  } else {
    Image all;
    decode(all);
    copy_region(all, region, image);
  }
}

void check_extents(const char* format, std::int64_t height, std::int64_t width) {
  check(height >= 1 && width >= 1 && height <= most_image_extent && width <= most_image_extent &&
            height * width <= most_image_pixels,
        "{}: image of {} rows and {} columns, expected 1 to {} each and at most {} pixels", format,
        height, width, most_image_extent, most_image_pixels);
}

}  // namespace image_formats

std::unique_ptr<ImageReader> open_image(std::span<const std::byte> bytes) {
  if (image_formats::is_png(bytes)) return image_formats::open_png(bytes);
  if (image_formats::is_jpeg(bytes)) return image_formats::open_jpeg(bytes);
  if (image_formats::is_pnm(bytes)) return image_formats::open_pnm(bytes);
  fail("not an image in PNG, JPEG, PGM or PPM format");
}

Image decode_image(std::span<const std::byte> bytes) {
  const std::unique_ptr<ImageReader> reader = open_image(bytes);
  Image image;
  reader->read(whole_region(reader->shape()), image);
  return image;
}

void read_image_file(const std::filesystem::path& path, std::vector<std::byte>& bytes) {
  const InputFile file(path);
  within_file(path, [&] {
    check(file.size() <= most_image_file_bytes, "{} bytes, expected at most {}", file.size(),
          most_image_file_bytes);
  });
  bytes.resize(file.size());
  file.read(0, bytes);
}

Image read_image(const std::filesystem::path& path) {
  std::vector<std::byte> bytes;
  read_image_file(path, bytes);
  return within_file(path, [&] { return decode_image(bytes); });
}

Image fit_image(const Image& image, int height, int width, int channels) {
  Image cut, converted, fitted;
  if (image.height == height && image.width == width) {
    return with_channels(image, channels, converted);
  }
  const double scale = std::max(static_cast<double>(height) / image.height,
                                static_cast<double>(width) / image.width);
  Resampler resampler;
  resampler.set(Interpolation::bilinear, centre_of(image.height, scale, height),
                centre_of(image.width, scale, width));
  // An image may take most of the memory: no more than has to be is copied.
  const PixelRegion region = resampler.region();
  const bool is_cut = region != whole_region(image.shape());
  if (is_cut) copy_region(image, region, cut);
  fitted.resize(height, width, channels);
  resampler.run(with_channels(is_cut ? cut : image, channels, converted), fitted.pixels);
  return fitted;
}

}  // namespace lq
