#include "layers/quantizers/xnor.h"

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

TEST(XnorWeightQuantizerTest, ScalesTheSignByTheMeanMagnitudeOfTheChannel) {
  XnorWeightQuantizer quantizer({3, 1, 1, 2});
  const Variable weights(
      Tensor::from(std::vector{0.5F, -1.5F, -4.0F, -2.0F, 0.0F, 8.0F}, {3, 1, 1, 2}));
  // The sign of 0 is -1, as a value on a threshold stays below it.
  EXPECT_TRUE(
      all_close(quantizer(weights).value().span<float>(), std::vector{1, -1, -3, -3, -4, 4}, 0, 0));
}

TEST(XnorWeightQuantizerTest, MatchesTheFormulaOnRandomWeights) {
  const Variable weights(random_normal({7, 3, 3, 5}, 1));
  XnorWeightQuantizer quantizer(weights.shape());
  const auto values = to_double(weights.value());
  const Variable quantized = quantizer(weights);
  const auto y = quantized.value().span<float>();
  for (std::size_t o = 0; o < 7; ++o) {
    double mean = 0;
    for (std::size_t i = 0; i < 45; ++i) mean += std::abs(values[o * 45 + i]) / 45;
    for (std::size_t i = 0; i < 45; ++i) {
      EXPECT_NEAR(y[o * 45 + i], std::copysign(mean, values[o * 45 + i]), 1e-7);
    }
  }
}

TEST(XnorWeightQuantizerTest, GradientIsTheIdentity) {
  XnorWeightQuantizer quantizer({2, 1, 1, 3});
  Variable weights(random_normal({2, 1, 1, 3}, 1, 0.0, 5.0), true);
  const Tensor grad_y = random_normal(weights.shape(), 2);
  quantizer(weights).backward(grad_y);
  EXPECT_TRUE(all_close(weights.gradient().span<float>(), grad_y.span<float>(), 0, 0));
}

TEST(XnorWeightQuantizerTest, RefusesNonFiniteWeightsAndVectors) {
  XnorWeightQuantizer quantizer({2, 1, 1, 3});
  Tensor weights = Tensor::zeros({2, 1, 1, 3});
  EXPECT_TRUE(all_close(quantizer(Variable(weights)).value().span<float>(),
                        std::vector<float>(6, 0.0F), 0, 0));
  weights.data<float>()[4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(throws_error([&] { quantizer(Variable(weights)); }, "NaN or infinite"));
  EXPECT_TRUE(throws_error([] { XnorWeightQuantizer({5}); }, "xnor: weights 5, expected O first"));
}

TEST(SignActivationQuantizerTest, IsTheSignWithAClippedGradient) {
  SignActivationQuantizer quantizer;
  Variable x(Tensor::from(std::vector{-2.0F, -1.0F, -0.5F, 0.0F, 0.5F, 1.0F, 1.5F}, {7}), true);
  Variable y = quantizer(x);
  EXPECT_TRUE(all_close(y.value().span<float>(), std::vector{-1, -1, -1, -1, 1, 1, 1}, 0, 0));
  y.backward(Tensor::full({7}, 1.0F));
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector{0, 0, 1, 1, 1, 1, 0}, 0, 0));
  EXPECT_FALSE(quantizer.rectified());
}

}  // namespace
}  // namespace lq::testing
