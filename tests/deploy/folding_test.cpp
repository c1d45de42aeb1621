#include "deploy/folding.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using deploy::grid_weights;
using deploy::set_thresholds;

constexpr float infinity = std::numeric_limits<float>::infinity();

TEST(FoldingTest, ThresholdsDivideByTheMagnitudeOfTheScale) {
  const deploy::FoldedThresholds folded = {
      .levels = {-1, 1, 3}, .scale = {2, -2, 0.5F}, .shift = {1, 1, 0}};
  kernels::BitconvSymbolOutput output;
  set_thresholds(folded, output);
  EXPECT_EQ(output.thresholds, (std::vector<float>{-1, -1, -2, 0, 0, 2, 1, 1, 6}));
  EXPECT_EQ(output.signs, (std::vector<float>{1, -1, 1}));
}

TEST(FoldingTest, WithoutScaleLevelsAreCrossedAlwaysOrNever) {
  const deploy::FoldedThresholds folded = {
      .levels = {-infinity, 1, infinity}, .scale = {0, -0.0F, 1}, .shift = {2, 1, 0}};
  kernels::BitconvSymbolOutput output;
  set_thresholds(folded, output);
  EXPECT_EQ(output.thresholds, (std::vector<float>{-infinity, -infinity, -infinity,  //
                                                   -infinity, infinity, 1,           //
                                                   infinity, infinity, infinity}));
  EXPECT_EQ(output.signs, (std::vector<float>{1, 1, 1}));
}

TEST(FoldingTest, ThresholdsAreRoundedOnce) {
  // (1 - 2^-30) / 3 in double; 1 - 2^-30 alone would round to 1 in single precision.
  const float shift = 0x1p-30F;
  kernels::BitconvSymbolOutput output;
  set_thresholds({.levels = {1}, .scale = {3}, .shift = {shift}}, output);
  EXPECT_EQ(output.thresholds[0], static_cast<float>((1.0 - 0x1p-30) / 3.0));
}

TEST(FoldingTest, WeightsAreSignedSumsOfTheirChannelsBasis) {
  const deploy::CodedWeights coded = {
      .bits = 2, .codes = {0, 1, 2, 3, 3, 0}, .basis = {1, 10, 2, 20}};
  EXPECT_EQ(grid_weights(coded, 2), (std::vector<std::int8_t>{-11, -9, 9, 22, 22, -22}));
}

TEST(FoldingTest, GridWeightsAreWholeNumbersOfEightBits) {
  EXPECT_EQ(grid_weights({.bits = 2, .codes = {0}, .basis = {64, 64}}, 1),
            std::vector<std::int8_t>{-128});
  EXPECT_TRUE(throws_error(
      [] {
        grid_weights({.bits = 2, .codes = {3}, .basis = {64, 64}}, 1);
      },
      "weight 0"));
  EXPECT_TRUE(throws_error(
      [] {
        grid_weights({.bits = 1, .codes = {0, 1}, .basis = {0.5F}}, 1);
      },
      "is -0.5"));
}

}  // namespace
}  // namespace lq::testing
