#include "data/resample.h"

#include <cmath>
#include <map>

#include "tests/data/files.h"
#include "tests/data/photographs.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

double naive_cubic(double t, double a) {
  const double x = std::fabs(t);
  if (x >= 2) return 0;
  if (x > 1) return a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a;
  return (a + 2) * x * x * x - (a + 3) * x * x + 1;
}

/// Weights of source pixels for pixel i of an axis, by the definitions in the header.
std::map<int, double> naive_weights(Interpolation interpolation, int source, int target, int i) {
  const double ratio = static_cast<double>(source) / target;
  const double centre = (i + 0.5) * ratio - 0.5;  // in pixels, whose centres are whole numbers
  std::map<int, double> weights;
  if (interpolation == Interpolation::bicubic_opencv) {
    for (int k = static_cast<int>(std::floor(centre)) - 1; k <= std::floor(centre) + 2; ++k) {
      weights[std::min(std::max(k, 0), source - 1)] += naive_cubic(k - centre, -0.75);
    }
    return weights;
  }
  const double width = std::max(1.0, ratio);
  const auto weight = [&](int k) {
    const double x = (k - centre) / width;
    if (interpolation == Interpolation::bilinear) return std::fabs(x) < 1 ? 1 - std::fabs(x) : 0.0;
    return naive_cubic(x, -0.5);
  };
  double sum = 0;
  for (int k = 0; k < source; ++k) sum += weight(k);
  for (int k = 0; k < source; ++k) weights[k] = weight(k) / sum;
  return weights;
}

double naive_value(Interpolation interpolation, const Image& image, int height, int width, int y,
                   int x, int c) {
  double sum = 0;
  for (const auto& [row, row_weight] : naive_weights(interpolation, image.height, height, y)) {
    for (const auto& [column, weight] : naive_weights(interpolation, image.width, width, x)) {
      sum += row_weight * weight * image.pixels[(row * image.width + column) * image.channels + c];
    }
  }
  return std::min(std::max(sum, 0.0), 255.0);
}

std::vector<std::uint8_t> resampled(Resampler& resampler, Interpolation interpolation,
                                    const Image& image, const ScaledAxis& rows,
                                    const ScaledAxis& columns) {
  resampler.set(interpolation, rows, columns);
  Image part;
  copy_region(image, resampler.region(), part);
  std::vector<std::uint8_t> pixels(
      static_cast<std::size_t>(rows.count * columns.count * image.channels));
  resampler.run(part, pixels);
  return pixels;
}

TEST(Resample, KnownWeights) {
  AxisWeights weights;
  // Half of a pixel between two: (-1, 9, 9, -1) / 16 for a = -0.5.
  weights.compute(Interpolation::bicubic, {.source = 8, .target = 16, .first = 8, .count = 1});
  ASSERT_EQ(weights.weights(0).size(), 4U);
  EXPECT_EQ(weights.begin(), 2);
  const double t = 0.25;  // pixel 8 of 16 is at 3.75 of 8
  for (int k = 0; k < 4; ++k) {
    EXPECT_NEAR(weights.weights(0)[k], naive_cubic(k + 2 - 4 + t, -0.5), 1e-6);
  }
  // Halving without averaging: the middle of four pixels, a = -0.75.
  weights.compute(Interpolation::bicubic_opencv,
                  {.source = 8, .target = 4, .first = 1, .count = 1});
  EXPECT_EQ(weights.begin(), 1);
  const std::vector<double> opencv{-0.09375, 0.59375, 0.59375, -0.09375};
  for (int k = 0; k < 4; ++k) EXPECT_NEAR(weights.weights(0)[k], opencv[k], 1e-6);
}

TEST(Resample, EqualsTheNaiveWay) {
  Rng rng(5, RngPurpose::test);
  Resampler resampler;
  for (const Interpolation interpolation :
       {Interpolation::bicubic, Interpolation::bicubic_opencv, Interpolation::bilinear}) {
    for (int round = 0; round < 60; ++round) {
      const auto extent = [&rng](int most) {
        return static_cast<int>(random_integer(rng, 1, most));
      };
      const Image image = random_photograph(extent(40), extent(40), round % 2 == 0 ? 3 : 1, round);
      ScaledAxis rows{image.height, extent(30), 0, 1}, columns{image.width, extent(30), 0, 1};
      for (ScaledAxis* axis : {&rows, &columns}) {
        axis->first = static_cast<int>(random_integer(rng, 0, axis->target - 1));
        axis->count = static_cast<int>(random_integer(rng, 1, axis->target - axis->first));
      }
      const auto pixels = resampled(resampler, interpolation, image, rows, columns);
      std::size_t i = 0;
      for (int y = 0; y < rows.count; ++y) {
        for (int x = 0; x < columns.count; ++x) {
          for (int c = 0; c < image.channels; ++c, ++i) {
            // Rounding of the result, and a little of sums in single precision.
            ASSERT_NEAR(pixels[i],
                        naive_value(interpolation, image, rows.target, columns.target,
                                    rows.first + y, columns.first + x, c),
                        0.5 + 1e-3)
                << "round " << round << " at " << y << ' ' << x << ' ' << c;
          }
        }
      }
    }
  }
}

/// The centre of these pixels is one unit of rounding below the middle between two of the source:
/// five pixels are within reach of the filter then, the outermost without weight.
TEST(Resample, PixelsAtTheBorderOfTheFilterTakeNoRoom) {
  AxisWeights weights;
  for (const ScaledAxis& axis : {ScaledAxis{138, 270, 21, 227}, {138, 258, 13, 224}}) {
    weights.compute(Interpolation::bicubic, axis);
    for (int i = 0; i < axis.count; ++i) {
      const std::map<int, double> expected =
          naive_weights(Interpolation::bicubic, axis.source, axis.target, axis.first + i);
      ASSERT_EQ(weights.weights(i).size(), 4U);
      for (int k = 0; k < 4; ++k) {
        const int pixel = weights.begin() + weights.first(i) + k;
        ASSERT_NEAR(weights.weights(i)[k], expected.at(pixel), 1e-6) << i << ' ' << k;
      }
    }
  }
}

TEST(Resample, WeightsOfAllSizesHaveRoomAndSumToOne) {
  AxisWeights weights;
  for (const Interpolation interpolation :
       {Interpolation::bicubic, Interpolation::bicubic_opencv, Interpolation::bilinear}) {
    for (int source = 1; source < 256; ++source) {
      for (int target = 1; target < 256; ++target) {
        weights.compute(interpolation, {source, target, 0, target});
        ASSERT_TRUE(weights.begin() >= 0 && weights.begin() + weights.size() <= source);
        float worst = 0;
        for (int i = 0; i < target; ++i) {
          float sum = 0;
          for (const float weight : weights.weights(i)) sum += weight;
          worst = std::max(worst, std::abs(sum - 1));
        }
        ASSERT_LT(worst, 1e-5F) << source << " scaled to " << target;
      }
    }
  }
}

TEST(Resample, SameSizeChangesNothing) {
  const Image image = random_photograph(33, 21, 3, 9);
  Resampler resampler;
  for (const Interpolation interpolation :
       {Interpolation::bicubic, Interpolation::bicubic_opencv, Interpolation::bilinear}) {
    EXPECT_EQ(resampled(resampler, interpolation, image, {33, 33, 0, 33}, {21, 21, 0, 21}),
              image.pixels);
  }
}

TEST(Resample, ReadsNoMoreThanTheWindowNeeds) {
  Resampler resampler;
  resampler.set(Interpolation::bicubic_opencv, {1000, 500, 100, 1}, {1000, 2000, 100, 50});
  EXPECT_EQ(resampler.region(), (PixelRegion{199, 48, 4, 29}));
}

TEST(Resample, RefusesWhatDoesNotFit) {
  Resampler resampler;
  expect_contains(error_of([&] {
                    resampler.set(Interpolation::bicubic, {4, 4, 2, 3}, {4, 4, 0, 4});
                  }),
                  {"pixels 2 to 5 of 4"});
  resampler.set(Interpolation::bicubic, {4, 2, 0, 2}, {4, 2, 0, 2});
  std::vector<std::uint8_t> pixels(12);
  expect_contains(error_of([&] { resampler.run(random_photograph(3, 4, 3, 1), pixels); }),
                  {"part is 3x4x3, expected 4x4x3"});
  expect_contains(error_of([&] { resampler.run(random_photograph(4, 4, 1, 1), pixels); }),
                  {"room for 12 bytes, expected 4"});
}

}  // namespace
}  // namespace lq::testing
