#include <png.h>

#include <cstring>

#include "core/error.h"
#include "data/image_decoders.h"

namespace lq::image_formats {

namespace {

/// libpng's simplified reader, freed in every case.
class PngReader {
 public:
  explicit PngReader(std::span<const std::byte> bytes) {
    image_.version = PNG_IMAGE_VERSION;
    expect(png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size()));
    // Files of 16 bits that do not tell their gamma are seen as those of 8 bits: without the flag,
    // libpng takes their values for linear light.
    image_.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  }
  ~PngReader() { png_image_free(&image_); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Shape shape() const {
    check_extents("PNG", image_.height, image_.width);
    return {image_.height, image_.width, is_colour() ? 3 : 1};
  }

  Image read() {
    const Shape extents = shape();
    image_.format = is_colour() ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    Image image;
    image.resize(static_cast<int>(extents[0]), static_cast<int>(extents[1]),
                 static_cast<int>(extents[2]));
    // Transparent pixels are seen before black.
    const png_color black{};
    expect(png_image_finish_read(&image_, &black, image.pixels.data(), 0, nullptr));
    return image;
  }

 private:
  bool is_colour() const { return (image_.format & PNG_FORMAT_FLAG_COLOR) != 0; }
  void expect(int success) const { check(success != 0, "PNG: {}", image_.message); }

  png_image image_{};
};

}  // namespace

bool is_png(std::span<const std::byte> bytes) {
  return bytes.size() >= 8 && std::memcmp(bytes.data(), "\x89PNG\r\n\x1a\n", 8) == 0;
}

Shape png_shape(std::span<const std::byte> bytes) { return PngReader(bytes).shape(); }

Image decode_png(std::span<const std::byte> bytes) { return PngReader(bytes).read(); }

}  // namespace lq::image_formats
