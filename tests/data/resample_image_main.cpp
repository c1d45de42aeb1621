// Writes what evaluation sees of an image file to standard output, as bytes: for resample_peers.py.
// Arguments: file, bicubic or bicubic_opencv, shorter side, crop.

#include <cstdio>
#include <string>

#include "core/io/file.h"
#include "data/image_file.h"
#include "data/resize_transforms.h"

int main(int count, char** arguments) {
  if (count != 5) {
    std::fputs("usage: resample_image FILE bicubic|bicubic_opencv SHORTER_SIDE CROP\n", stderr);
    return 2;
  }
  try {
    const lq::CentreCropTransform transform(
        {.crop = std::stoi(arguments[4]),
         .shorter_side = std::stoi(arguments[3]),
         .interpolation = arguments[2] == std::string("bicubic")
                              ? lq::Interpolation::bicubic
                              : lq::Interpolation::bicubic_opencv});
    lq::SourceImage image;
    image.set_encoded(arguments[1]) = lq::read_file(arguments[1]);
    image.read_header();
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(transform.image_shape().elements()));
    lq::Rng no_chance(0, lq::RngPurpose::test);
    transform.prepare(image, no_chance, pixels);
    std::fwrite(pixels.data(), 1, pixels.size(), stdout);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
