#include "layers/quantizers/hwgq.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

/// Mean squared error of the half-wave of a standard normal variable, whose positive values go to
/// levels s, 2s, ..., by the midpoint rule: steps of 1e-4 up to ten deviations.
double quantization_error(double step, int levels) {
  constexpr double width = 1e-4;
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double x = (i + 0.5) * width;
    const double position = std::clamp(std::round(x / step), 1.0, levels - 1.0);
    sum += std::pow(x - position * step, 2) * std::exp(-x * x / 2);
  }
  return sum * width / std::sqrt(2 * std::numbers::pi);
}

TEST(HwgqTest, StepOfTwoBitsIsThePublishedOne) {
  // The paper estimates it from samples; the exact value is 0.5388.
  EXPECT_NEAR(HwgqActivationQuantizer::step(2), 0.538, 1e-3);
}

TEST(HwgqTest, StepMinimisesTheErrorOfAHalfWaveGaussian) {
  for (int bits = 1; bits <= 8; ++bits) {
    const int levels = 1 << bits;
    const double step = HwgqActivationQuantizer::step(bits);
    const double best = quantization_error(step, levels);
    // Around a minimum the error grows with the square of the distance: at 3 % it does by far
    // more than the integration errs by.
    for (const double factor : {0.5, 0.97, 1.03, 2.0}) {
      EXPECT_LT(best, quantization_error(step * factor, levels)) << bits << " bits, " << factor;
    }
  }
}

TEST(HwgqTest, LevelsAreUniformAndZeroIsForNonPositiveValues) {
  for (int bits = 1; bits <= 8; ++bits) {
    const LevelTable table = HwgqActivationQuantizer(bits).table();
    const double step = HwgqActivationQuantizer::step(bits);
    std::vector<double> levels, thresholds;
    for (int l = 0; l < 1 << bits; ++l) {
      levels.push_back(l * step);
      if (l > 0) thresholds.push_back(l == 1 ? 0.0 : (l - 0.5) * step);
    }
    EXPECT_TRUE(all_close(table.levels.span<float>(), levels, 1e-7, 0));
    EXPECT_TRUE(all_close(table.thresholds.span<float>(), thresholds, 1e-7, 0));
    EXPECT_TRUE(
        all_close(table.pass_range.span<float>(), std::vector{0.0, levels.back()}, 1e-7, 0));
  }
}

TEST(HwgqTest, QuantizesAndPassesTheGradientBetweenZeroAndTheTop) {
  HwgqActivationQuantizer quantizer(2);
  Variable x(Tensor::from(std::vector{-1.0F, 0.0F, 1e-6F, 0.9F, 1.6F, 1.7F}, {6}), true);
  Variable y = quantizer(x);
  const double step = HwgqActivationQuantizer::step(2);
  EXPECT_TRUE(all_close(y.value().span<float>(),
                        std::vector{0.0, 0.0, step, 2 * step, 3 * step, 3 * step}, 1e-7, 0));
  y.backward(Tensor::full({6}, 1.0F));
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector{0, 0, 1, 1, 1, 0}, 0, 0));
}

TEST(HwgqTest, LearnsNothing) {
  HwgqActivationQuantizer quantizer(2);
  EXPECT_FALSE(quantizer.learns());
  EXPECT_TRUE(quantizer.rectified());
  EXPECT_TRUE(quantizer.buffers().empty());
  EXPECT_EQ(quantizer.kind(), "hwgq");
}

}  // namespace
}  // namespace lq::testing
