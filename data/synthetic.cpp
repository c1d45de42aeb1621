#include "data/synthetic.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"
#include "data/in_memory_dataset.h"

namespace lq {
namespace {

// Philox streams: the patterns and the noise of the two parts never share numbers.
enum class Stream : std::uint64_t { patterns, train, test };

Rng stream_of(const SyntheticOptions& options, Stream stream, std::int64_t index) {
  return Rng(options.seed, RngPurpose::synthetic, static_cast<std::uint64_t>(stream),
             static_cast<std::uint64_t>(index));
}

// Value between the knots of a grid of `knots` x `knots`; y and x in [0, 1].
float interpolate(std::span<const float> grid, int knots, float y, float x) {
  const float row = y * static_cast<float>(knots - 1);
  const float column = x * static_cast<float>(knots - 1);
  const int row0 = std::min(static_cast<int>(row), knots - 2);
  const int column0 = std::min(static_cast<int>(column), knots - 2);
  const float down = row - static_cast<float>(row0);
  const float right = column - static_cast<float>(column0);
  const float* top = &grid[row0 * knots + column0];
  const float* bottom = top + knots;
  return (1 - down) * ((1 - right) * top[0] + right * top[1]) +
         down * ((1 - right) * bottom[0] + right * bottom[1]);
}

// H W C grey levels in [64, 192].
std::vector<float> class_pattern(const SyntheticOptions& options, std::int64_t label) {
  constexpr int knots = 4;
  Rng rng = stream_of(options, Stream::patterns, label);
  std::vector<float> pattern(
      static_cast<std::size_t>(Shape{options.height, options.width, options.channels}.elements()));
  std::vector<float> grid(knots * knots);
  for (int c = 0; c < options.channels; ++c) {
    for (float& value : grid) value = rng.uniform(64.0F, 192.0F);
    for (int h = 0; h < options.height; ++h) {
      const float y = (static_cast<float>(h) + 0.5F) / static_cast<float>(options.height);
      for (int w = 0; w < options.width; ++w) {
        // Folding the row at its middle makes the pattern its own mirror image.
        const int folded = std::min(w, options.width - 1 - w);
        const float x =
            (2.0F * static_cast<float>(folded) + 1.0F) / static_cast<float>(options.width);
        pattern[(h * options.width + w) * options.channels + c] = interpolate(grid, knots, y, x);
      }
    }
  }
  return pattern;
}

std::shared_ptr<const Dataset> make_part(const SyntheticOptions& options, Stream stream,
                                         std::int64_t images,
                                         std::span<const std::vector<float>> patterns,
                                         const std::vector<std::string>& classes) {
  const Shape image_shape{options.height, options.width, options.channels};
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  pixels.reserve(static_cast<std::size_t>(images * image_shape.elements()));
  for (std::int64_t i = 0; i < images; ++i) {
    labels.push_back(static_cast<std::int32_t>(i % options.classes));
    Rng rng = stream_of(options, stream, i);
    for (const float value : patterns[labels.back()]) {
      const float noisy = value + rng.uniform(-options.noise, options.noise);
      pixels.push_back(static_cast<std::uint8_t>(std::clamp(noisy, 0.0F, 255.0F)));
    }
  }
  return std::make_shared<InMemoryDataset>(image_shape, std::move(pixels), std::move(labels),
                                           classes);
}

void check_options(const SyntheticOptions& options) {
  const auto at_least_one = [](std::string_view name, std::int64_t value) {
    check(value >= 1, "synthetic: {} is {}, expected 1 or more", name, value);
  };
  at_least_one("train_images", options.train_images);
  at_least_one("test_images", options.test_images);
  at_least_one("height", options.height);
  at_least_one("width", options.width);
  at_least_one("channels", options.channels);
  at_least_one("classes", options.classes);
  constexpr double most_bytes = std::int64_t{1} << 40;
  const double bytes =
      static_cast<double>(options.height) * options.width * options.channels *
      (static_cast<double>(options.train_images) + static_cast<double>(options.test_images));
  check(bytes <= most_bytes,
        "synthetic: {} and {} images of {} x {} x {} bytes, expected at most {:.0f} bytes in all",
        options.train_images, options.test_images, options.height, options.width, options.channels,
        most_bytes);
  check(std::isfinite(options.noise) && options.noise >= 0,
        "synthetic: noise is {}, expected 0 or more grey levels", options.noise);
}

}  // namespace

DatasetSplits make_synthetic(const SyntheticOptions& options) {
  check_options(options);
  std::vector<std::vector<float>> patterns;
  std::vector<std::string> classes;
  for (int label = 0; label < options.classes; ++label) {
    patterns.push_back(class_pattern(options, label));
    classes.push_back(fmt::format("pattern {}", label));
  }
  return {make_part(options, Stream::train, options.train_images, patterns, classes),
          make_part(options, Stream::test, options.test_images, patterns, classes)};
}

}  // namespace lq
