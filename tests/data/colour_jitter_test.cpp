#include "data/colour_jitter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace lq::testing {
namespace {

Rng rng_of(std::uint64_t sample) { return Rng(4, RngPurpose::augmentation, 1, sample); }

std::vector<std::uint8_t> random_pixels(std::size_t count, std::uint64_t seed) {
  Rng rng(seed, RngPurpose::test);
  std::vector<std::uint8_t> pixels(3 * count);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
  return pixels;
}

using Pixels = std::vector<double>;

double grey(const Pixels& pixels, std::size_t pixel) {
  return 0.299 * pixels[3 * pixel] + 0.587 * pixels[3 * pixel + 1] + 0.114 * pixels[3 * pixel + 2];
}

/// One step of fb.resnet.torch on all pixels, in double precision.
Pixels naive_step(int step, const ColourChange& change, const Pixels& from) {
  Pixels to = from;
  const std::size_t count = from.size() / 3;
  double mean_grey = 0;
  for (std::size_t p = 0; p < count; ++p) mean_grey += grey(from, p) / static_cast<double>(count);
  for (std::size_t p = 0; p < count; ++p) {
    for (std::size_t c = 0; c < 3; ++c) {
      double& value = to[3 * p + c];
      const auto blend = [&](double with, double factor) {
        value = factor * value + (1 - factor) * with;
      };
      if (step == 0) blend(0, change.brightness);
      if (step == 1) blend(mean_grey, change.contrast);
      if (step == 2) blend(grey(from, p), change.saturation);
      if (step == 3) value += change.lighting[c];
    }
  }
  return to;
}

TEST(ColourJitter, EqualsTheStepsOfFbResnetOneByOne) {
  for (std::uint64_t sample = 0; sample < 50; ++sample) {
    Rng rng = rng_of(sample);
    const ColourChange change = draw_colour_change({}, rng);
    EXPECT_EQ(change.order[3], 3);  // lighting comes last
    std::vector<std::uint8_t> pixels = random_pixels(200, sample);
    Pixels expected(pixels.begin(), pixels.end());
    for (const int step : change.order) expected = naive_step(step, change, expected);
    change_colours(AugmentationStyle::fb_resnet, change, pixels);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      // Rounding, and single precision.
      ASSERT_NEAR(pixels[i], std::clamp(expected[i], 0.0, 255.0), 0.5 + 1e-3) << sample;
    }
  }
}

/// The official code's steps, each of which ends with bytes, as the grey values of saturation are.
/// Its sums are in single precision too, so a value that is whole but for rounding may be truncated
/// to either side.
TEST(ColourJitter, EqualsTheOfficialStepsOneByOne) {
  int different = 0, all = 0;
  for (std::uint64_t sample = 0; sample < 50; ++sample) {
    Rng rng = rng_of(sample);
    const ColourChange change = draw_colour_change({.style = AugmentationStyle::official}, rng);
    std::vector<std::uint8_t> pixels = random_pixels(200, sample);
    std::vector<std::uint8_t> expected = pixels;
    for (const int step : change.order) {
      Pixels now(expected.begin(), expected.end());
      std::array<double, 3> mean{};
      for (std::size_t i = 0; i < now.size(); ++i) mean[i % 3] += now[i] / 200;
      for (std::size_t i = 0; i < now.size(); ++i) {
        double value = now[i];
        if (step == 0) value *= change.brightness;
        if (step == 1) value = (value - mean[i % 3]) * change.contrast + mean[i % 3];
        if (step == 2) {
          const double grey_byte = std::floor(grey(now, i / 3) + 0.5 + 1e-9);
          value = value * change.saturation + grey_byte * (1.0 - change.saturation);
        }
        if (step == 3) value += change.lighting[i % 3];
        expected[i] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
      }
    }
    change_colours(AugmentationStyle::official, change, pixels);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      ASSERT_NEAR(pixels[i], expected[i], 2);
      different += pixels[i] != expected[i] ? 1 : 0;
      ++all;
    }
  }
  EXPECT_LT(different, all / 1000);
}

/// Spec section 4.1: factors of U(0.6, 1.4), lighting of deviation 0.1.
TEST(ColourJitter, IsAsInTheSpecByDefault) {
  const ColourJitterOptions options;
  EXPECT_EQ(options.brightness, 0.4F);
  EXPECT_EQ(options.contrast, 0.4F);
  EXPECT_EQ(options.saturation, 0.4F);
  EXPECT_EQ(options.lighting, 0.1F);
}

TEST(ColourJitter, FactorsAreUniformInTheirRanges) {
  constexpr int samples = 20000;
  const ColourJitterOptions options{.brightness = 0.4F, .contrast = 0.2F, .saturation = 0.6F};
  std::array<double, 3> sums{}, squares{};
  const std::array<double, 3> spreads{0.4, 0.2, 0.6};
  for (int i = 0; i < samples; ++i) {
    Rng rng = rng_of(static_cast<std::uint64_t>(i));
    const ColourChange change = draw_colour_change(options, rng);
    const std::array<double, 3> factors{change.brightness, change.contrast, change.saturation};
    for (std::size_t k = 0; k < 3; ++k) {
      ASSERT_LE(std::fabs(factors[k] - 1), spreads[k] + 1e-6);
      sums[k] += factors[k] - 1;
      squares[k] += std::pow(factors[k] - 1, 2);
    }
  }
  for (std::size_t k = 0; k < 3; ++k) {
    // A uniform number of [-s, s] has mean 0 and variance s^2 / 3, its square variance 4 s^4 / 45:
    // five standard deviations.
    const double s = spreads[k];
    EXPECT_NEAR(sums[k] / samples, 0, 5 * s / std::sqrt(3.0 * samples));
    EXPECT_NEAR(squares[k] / samples, s * s / 3, 5 * s * s * std::sqrt(4.0 / 45 / samples));
  }
}

TEST(ColourJitter, EveryOrderIsEquallyLikely) {
  for (const auto& [style, orders] :
       {std::pair{AugmentationStyle::fb_resnet, 6}, {AugmentationStyle::official, 24}}) {
    std::map<std::array<int, 4>, int> counts;
    constexpr int expected = 400;
    for (int i = 0; i < expected * orders; ++i) {
      Rng rng = rng_of(static_cast<std::uint64_t>(i));
      ++counts[draw_colour_change({.style = style}, rng).order];
    }
    EXPECT_EQ(std::ssize(counts), orders);
    double chi_square = 0;
    for (const auto& [order, count] : counts) {
      chi_square += std::pow(count - expected, 2) / expected;
    }
    const double freedom = orders - 1;
    EXPECT_LT(chi_square, freedom + 5 * std::sqrt(2 * freedom));
  }
}

/// Its covariance is 0.1^2 E diag(lambda^2) E^T with lambda in grey levels.
TEST(ColourJitter, LightingHasTheCovarianceOfItsFormula) {
  const double e[3][3] = {
      {-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};
  const double lambda[3] = {0.2175 * 255, 0.0188 * 255, 0.0045 * 255};
  constexpr int samples = 40000;
  double sums[3][3] = {};
  for (int i = 0; i < samples; ++i) {
    Rng rng = rng_of(static_cast<std::uint64_t>(i));
    const ColourChange change = draw_colour_change({}, rng);
    for (int a = 0; a < 3; ++a) {
      for (int b = 0; b < 3; ++b) sums[a][b] += change.lighting[a] * change.lighting[b];
    }
  }
  const auto covariance = [&](int a, int b) {
    double sum = 0;
    for (int k = 0; k < 3; ++k) sum += 0.01 * e[a][k] * e[b][k] * lambda[k] * lambda[k];
    return sum;
  };
  for (int a = 0; a < 3; ++a) {
    for (int b = 0; b < 3; ++b) {
      // A product of two normal numbers has variance s_aa s_bb + s_ab^2: five standard deviations.
      const double variance =
          covariance(a, a) * covariance(b, b) + covariance(a, b) * covariance(a, b);
      EXPECT_NEAR(sums[a][b] / samples, covariance(a, b), 5 * std::sqrt(variance / samples));
    }
  }
}

TEST(ColourJitter, NoSpreadChangesNothing) {
  const ColourJitterOptions none{.brightness = 0, .contrast = 0, .saturation = 0, .lighting = 0};
  for (const AugmentationStyle style :
       {AugmentationStyle::fb_resnet, AugmentationStyle::official}) {
    const std::vector<std::uint8_t> pixels = random_pixels(100, 1);
    std::vector<std::uint8_t> changed = pixels;
    ColourJitterOptions options = none;
    options.style = style;
    Rng rng = rng_of(1);
    change_colours(style, draw_colour_change(options, rng), changed);
    EXPECT_EQ(changed, pixels);
  }
}

}  // namespace
}  // namespace lq::testing
