#include "layers/quantizers/dorefa.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

/// quantize_k of the DoReFa paper, for r in [0, 1].
double quantize_k(double r, int bits) {
  const double steps = (1 << bits) - 1;
  return std::round(r * steps) / steps;
}

std::vector<double> squashed(const std::vector<double>& weights) {
  double largest = 0;
  for (const double w : weights) largest = std::max(largest, std::abs(std::tanh(w)));
  std::vector<double> result;
  for (const double w : weights) result.push_back(std::tanh(w) / largest);
  return result;
}

TEST(DorefaWeightQuantizerTest, FollowsThePaper) {
  for (int bits = 2; bits <= 8; ++bits) {
    const Variable weights(random_normal({4, 3, 3, 5}, 1, 0.0, 0.7));
    DorefaWeightQuantizer quantizer(bits);
    const Variable quantized = quantizer(weights);
    const auto y = quantized.value().span<float>();
    const auto squash = squashed(to_double(weights.value()));
    const double steps = (1 << bits) - 1;
    for (std::size_t i = 0; i < squash.size(); ++i) {
      // 2 quantize_k(tanh(w) / (2 max |tanh(w)|) + 1/2) - 1
      const double r = squash[i] / 2 + 0.5;
      const double from_tie = std::abs(r * steps - std::floor(r * steps) - 0.5);
      if (from_tie < 1e-4) continue;  // single precision decides
      EXPECT_NEAR(y[i], 2 * quantize_k(r, bits) - 1, 1e-6) << bits << " bits";
    }
  }
}

TEST(DorefaWeightQuantizerTest, OneBitIsTheSignTimesTheMeanMagnitude) {
  DorefaWeightQuantizer quantizer(1);
  const Variable weights(Tensor::from(std::vector{0.5F, -1.0F, 1.5F, -3.0F}, {2, 1, 1, 2}));
  EXPECT_TRUE(all_close(quantizer(weights).value().span<float>(), std::vector{1.5, -1.5, 1.5, -1.5},
                        1e-7, 0));
}

TEST(DorefaWeightQuantizerTest, GradientIsThatOfTheSquashing) {
  DorefaWeightQuantizer quantizer(3);
  Variable weights(random_normal({3, 1, 1, 4}, 2), true);
  const Tensor grad_y = random_normal(weights.shape(), 3);
  quantizer(weights).backward(grad_y);
  const auto loss = [&](const auto& w) { return weighted_sum(to_double(grad_y), squashed(w)); };
  EXPECT_TRUE(gradient_matches(loss, to_double(weights.value()), to_double(weights.gradient()),
                               {.step = 1e-5, .tolerance = 5e-6}));
}

TEST(DorefaWeightQuantizerTest, OneBitGradientIsTheIdentity) {
  DorefaWeightQuantizer quantizer(1);
  Variable weights(random_normal({3, 1, 1, 4}, 2, 0.0, 9.0), true);
  const Tensor grad_y = random_normal(weights.shape(), 3);
  quantizer(weights).backward(grad_y);
  EXPECT_TRUE(all_close(weights.gradient().span<float>(), grad_y.span<float>(), 0, 0));
}

TEST(DorefaWeightQuantizerTest, ZeroWeightsStayFinite) {
  for (const int bits : {1, 2, 8}) {
    DorefaWeightQuantizer quantizer(bits);
    Variable weights(Tensor::zeros({2, 1, 1, 3}), true);
    Variable y = quantizer(weights);
    y.backward(Tensor::full(y.shape(), 1.0F));
    for (const float value : y.value().span<float>()) EXPECT_TRUE(std::isfinite(value));
    for (const float value : weights.gradient().span<float>()) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(DorefaActivationQuantizerTest, FollowsThePaper) {
  for (int bits = 1; bits <= 8; ++bits) {
    const Variable x(random_normal({2, 5, 5, 3}, 4, 0.5, 0.5));
    DorefaActivationQuantizer quantizer(bits);
    const Variable quantized = quantizer(x);
    const auto y = quantized.value().span<float>();
    const double steps = (1 << bits) - 1;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double r = std::clamp(static_cast<double>(x.value().span<float>()[i]), 0.0, 1.0);
      if (std::abs(r * steps - std::floor(r * steps) - 0.5) < 1e-4) continue;
      EXPECT_NEAR(y[i], quantize_k(r, bits), 1e-7);
    }
  }
}

TEST(DorefaActivationQuantizerTest, GradientPassesBetweenZeroAndOne) {
  DorefaActivationQuantizer quantizer(2);
  Variable x(Tensor::from(std::vector{-0.1F, 0.0F, 0.1F, 1.0F, 1.1F}, {5}), true);
  quantizer(x).backward(Tensor::full({5}, 1.0F));
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector{0, 0, 1, 1, 0}, 0, 0));
}

}  // namespace
}  // namespace lq::testing
