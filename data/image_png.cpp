#include <png.h>

#include <cstring>

#include "core/error.h"
#include "data/image_decoders.h"

namespace lq::image_formats {

namespace {

/// libpng's simplified reader, freed in every case.
class PngReader final : public WholeImageReader {
 public:
  explicit PngReader(std::span<const std::byte> bytes) : PngReader() {
    image_.version = PNG_IMAGE_VERSION;
    expect(png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size()));
    // Files of 16 bits that do not tell their gamma are seen as those of 8 bits: without the flag,
    // libpng takes their values for linear light.
    image_.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    check_extents("PNG", image_.height, image_.width);
  }
  ~PngReader() override { png_image_free(&image_); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Shape shape() const override { return {image_.height, image_.width, is_colour() ? 3 : 1}; }

 private:
  PngReader() = default;  // whole from here on: what throws behind it leads to the destructor

  void decode(Image& image) override {
    const int channels = is_colour() ? 3 : 1;
    image.resize(static_cast<int>(image_.height), static_cast<int>(image_.width), channels);
    image_.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    // Transparent pixels are seen before black.
    const png_color black{};
    expect(png_image_finish_read(&image_, &black, image.pixels.data(), 0, nullptr));
  }

  bool is_colour() const { return (image_.format & PNG_FORMAT_FLAG_COLOR) != 0; }
  void expect(int success) const { check(success != 0, "PNG: {}", image_.message); }

  png_image image_{};
};

}  // namespace

bool is_png(std::span<const std::byte> bytes) {
  return bytes.size() >= 8 && std::memcmp(bytes.data(), "\x89PNG\r\n\x1a\n", 8) == 0;
}

std::unique_ptr<ImageReader> open_png(std::span<const std::byte> bytes) {
  return std::make_unique<PngReader>(bytes);
}

}  // namespace lq::image_formats
