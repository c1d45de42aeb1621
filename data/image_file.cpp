#include "data/image_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "core/io/file.h"
#include "data/image_decoders.h"

namespace lq {

namespace {

[[noreturn]] void fail_unknown_format() { fail("not an image in PNG, JPEG, PGM or PPM format"); }

std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
}

Image with_channels(const Image& image, int channels) {
  check((image.channels == 1 || image.channels == 3) && (channels == 1 || channels == 3),
        "image: {} channels for a network with {}, expected 1 or 3", image.channels, channels);
  if (image.channels == channels) return image;
  Image result;
  result.resize(image.height, image.width, channels);
  const std::int64_t pixels = std::int64_t{image.height} * image.width;
  for (std::int64_t i = 0; i < pixels; ++i) {
    if (channels == 1) {
      result.pixels[i] = luma(&image.pixels[3 * i]);
    } else {
      std::fill_n(&result.pixels[3 * i], 3, image.pixels[i]);
    }
  }
  return result;
}

/// The pixels of one axis that make a pixel of the result, with weights that sum to 1.
struct Contribution {
  int first;
  std::vector<float> weights;
};

/// A tent as wide as a source pixel, or as a pixel of the result where that is larger.
std::vector<Contribution> contributions(int source, int target, double scale, double offset) {
  const double radius = std::max(1.0, 1.0 / scale);
  std::vector<Contribution> all;
  for (int i = 0; i < target; ++i) {
    const double centre = (i + offset + 0.5) / scale - 0.5;
    Contribution contribution{.first = 0, .weights = {}};
    const int first = std::max(0, static_cast<int>(std::ceil(centre - radius)));
    const int last = std::min(source - 1, static_cast<int>(std::floor(centre + radius)));
    contribution.first = std::clamp(first, 0, source - 1);
    float sum = 0;
    for (int s = contribution.first; s <= std::max(last, contribution.first); ++s) {
      const double weight = std::max(0.0, 1.0 - std::abs(s - centre) / radius);
      contribution.weights.push_back(static_cast<float>(weight));
      sum += contribution.weights.back();
    }
    if (sum <= 0) {
      contribution.weights.assign(1, 1.0F);
    } else {
      for (float& weight : contribution.weights) weight /= sum;
    }
    all.push_back(std::move(contribution));
  }
  return all;
}

/// Rows first, so that little is kept of a large image.
Image resample(const Image& image, int height, int width, double scale) {
  const double top = std::floor((image.height * scale - height) / 2);
  const double left = std::floor((image.width * scale - width) / 2);
  const auto rows = contributions(image.height, height, scale, std::max(top, 0.0));
  const auto columns = contributions(image.width, width, scale, std::max(left, 0.0));
  const int channels = image.channels;
  Image result;
  result.resize(height, width, channels);
  std::vector<float> row(static_cast<std::size_t>(image.width) * channels);
  for (int y = 0; y < height; ++y) {
    std::ranges::fill(row, 0.0F);
    for (std::size_t r = 0; r < rows[y].weights.size(); ++r) {
      const std::uint8_t* from = &image.pixels[(rows[y].first + r) * row.size()];
      for (std::size_t i = 0; i < row.size(); ++i) row[i] += rows[y].weights[r] * from[i];
    }
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        float sum = 0;
        for (std::size_t k = 0; k < columns[x].weights.size(); ++k) {
          sum += columns[x].weights[k] * row[(columns[x].first + k) * channels + c];
        }
        result.pixels[(std::int64_t{y} * width + x) * channels + c] =
            static_cast<std::uint8_t>(std::clamp(sum + 0.5F, 0.0F, 255.0F));
      }
    }
  }
  return result;
}

}  // namespace

namespace image_formats {

void check_extents(const char* format, std::int64_t height, std::int64_t width) {
  check(height >= 1 && width >= 1 && height <= most_image_extent && width <= most_image_extent,
        "{}: image of {} rows and {} columns, expected 1 to {} each", format, height, width,
        most_image_extent);
}

}  // namespace image_formats

Shape encoded_image_shape(std::span<const std::byte> bytes) {
  if (image_formats::is_png(bytes)) return image_formats::png_shape(bytes);
  if (image_formats::is_jpeg(bytes)) return image_formats::jpeg_shape(bytes);
  if (image_formats::is_pnm(bytes)) return image_formats::pnm_shape(bytes);
  fail_unknown_format();
}

void decode_image_region(std::span<const std::byte> bytes, const PixelRegion& region,
                         Image& image) {
  if (image_formats::is_jpeg(bytes)) {
    image_formats::decode_jpeg_region(bytes, region, image);
  } else {
    copy_region(decode_image(bytes), region, image);
  }
}

Image decode_image(std::span<const std::byte> bytes) {
  if (image_formats::is_png(bytes)) return image_formats::decode_png(bytes);
  if (image_formats::is_jpeg(bytes)) return image_formats::decode_jpeg(bytes);
  if (image_formats::is_pnm(bytes)) return image_formats::decode_pnm(bytes);
  fail_unknown_format();
}

Image read_image(const std::filesystem::path& path) {
  const InputFile file(path);
  return within_file(path, [&] {
    check(file.size() <= most_image_file_bytes, "{} bytes, expected at most {}", file.size(),
          most_image_file_bytes);
    std::vector<std::byte> bytes(file.size());
    file.read(0, bytes);
    return decode_image(bytes);
  });
}

Image fit_image(const Image& image, int height, int width, int channels) {
  Image result = with_channels(image, channels);
  if (result.height == height && result.width == width) return result;
  const double scale = std::max(static_cast<double>(height) / result.height,
                                static_cast<double>(width) / result.width);
  return resample(result, height, width, scale);
}

}  // namespace lq
