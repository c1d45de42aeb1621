// Writes what a network sees of an image file to standard output, as bytes: for resample_peers.py.
// Arguments: file, bicubic or bicubic_opencv, crop; and either the shorter side, of which
// evaluation takes the centre, or top, left, height and width of the region that training scales.

#include <cstdio>
#include <string>

#include "core/io/file.h"
#include "data/image_file.h"
#include "data/resize_transforms.h"

namespace {

/// The scaling of RandomResizedCropTransform, of a region that is given.
class RegionTransform final : public lq::ResizeTransform {
 public:
  RegionTransform(const lq::ResizeOptions& options, const lq::PixelRegion& region)
      : ResizeTransform(options), region_(region) {}

  lq::CropWindow prepare(lq::SourceImage& image, lq::Rng& /*rng*/,
                         std::span<std::uint8_t> pixels) const override {
    scale_region(image, region_, pixels);
    return {};
  }

 private:
  lq::PixelRegion region_;
};

void write(const lq::Transform& transform, const char* file) {
  lq::SourceImage image;
  image.set_encoded(file) = lq::read_file(file);
  image.read_header();
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(transform.image_shape().elements()));
  lq::Rng no_chance(0, lq::RngPurpose::test);
  transform.prepare(image, no_chance, pixels);
  std::fwrite(pixels.data(), 1, pixels.size(), stdout);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5 && count != 8) {
    std::fputs(
        "usage: resample_image FILE bicubic|bicubic_opencv CROP SHORTER_SIDE|TOP LEFT HEIGHT "
        "WIDTH\n",
        stderr);
    return 2;
  }
  try {
    const auto number = [arguments](int i) { return std::stoi(arguments[i]); };
    lq::ResizeOptions options{.crop = number(3),
                              .shorter_side = number(3),
                              .interpolation = arguments[2] == std::string("bicubic")
                                                   ? lq::Interpolation::bicubic
                                                   : lq::Interpolation::bicubic_opencv};
    if (count == 5) {
      options.shorter_side = number(4);
      write(lq::CentreCropTransform(options), arguments[1]);
    } else {
      write(RegionTransform(options, {number(4), number(5), number(6), number(7)}), arguments[1]);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
