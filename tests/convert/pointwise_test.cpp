#include "convert/pointwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "deploy/folding.h"
#include "tests/support/errors.h"
#include "tests/support/graph_builder.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using convert::ChannelAffine;
using convert::PointwiseChain;

constexpr float infinity = std::numeric_limits<float>::infinity();

/// What the kernel does with thresholds and signs.
int position_of(const kernels::BitconvSymbolOutput& output, std::size_t channel, float value) {
  const std::size_t channels = output.signs.size();
  int position = 0;
  for (std::size_t at = channel; at < output.thresholds.size(); at += channels) {
    if (output.signs[channel] * value > output.thresholds[at]) ++position;
  }
  return position;
}

TEST(BatchNormAffineTest, FollowsTheFormula) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 2, 2, 2});
  const std::size_t gamma = builder.constant({6.0F, -2.0F}, {2});
  const std::size_t beta = builder.constant({1.0F, 0.5F}, {2});
  const std::size_t y =
      builder.node("batch_norm", {x, gamma, beta}, {1, 2, 2, 2}, {{"epsilon", 0.25}},
                   {{"running_mean", Tensor::from(std::vector<float>{2.0F, -1.0F}, {2})},
                    {"running_variance", Tensor::from(std::vector<float>{3.75F, 0.75F}, {2})}});
  const convert::Graph graph = builder.finish(y);
  const ChannelAffine affine = convert::batch_norm_affine(graph, graph.nodes[0], 2);
  // Deviations are 2 and 1.
  EXPECT_EQ(affine.scale, (std::vector<double>{3.0, -2.0}));
  EXPECT_EQ(affine.shift, (std::vector<double>{-5.0, -1.5}));
  EXPECT_TRUE(throws_error([&] { convert::batch_norm_affine(graph, graph.nodes[0], 3); },
                           "batch_norm at 'batch_norm0' has 2 channels"));
}

TEST(BatchNormAffineTest, OneMeanServesAllChannels) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 3});
  const std::size_t y = builder.node(
      "batch_norm", {x}, {1, 3}, {{"epsilon", 0.0}},
      {{"running_mean", Tensor::full({1}, 3.0F)}, {"running_variance", Tensor::full({1}, 4.0F)}});
  const convert::Graph graph = builder.finish(y);
  const ChannelAffine affine = convert::batch_norm_affine(graph, graph.nodes[0], 3);
  EXPECT_EQ(affine.scale, std::vector<double>(3, 0.5));
  EXPECT_EQ(affine.shift, std::vector<double>(3, -1.5));
}

TEST(PointwiseChainTest, AffineMapsInARowAreOne) {
  PointwiseChain chain(2);
  EXPECT_TRUE(chain.float_output().scale.empty());
  chain.append({.scale = {2.0, 1.0}, .shift = {1.0, 0.0}});
  chain.append({.scale = {3.0, -1.0}, .shift = {-1.0, 4.0}});
  EXPECT_TRUE(chain.is_simple());
  const kernels::BitconvFloatOutput output = chain.float_output();
  EXPECT_EQ(output.scale, (std::vector<float>{6.0F, -1.0F}));
  EXPECT_EQ(output.shift, (std::vector<float>{2.0F, 4.0F}));
  EXPECT_FALSE(output.relu);
}

TEST(PointwiseChainTest, ReluAloneNeedsNoScale) {
  PointwiseChain chain(3);
  chain.append_relu();
  chain.append_relu();
  EXPECT_TRUE(chain.is_simple());
  EXPECT_TRUE(chain.float_output().relu);
  EXPECT_TRUE(chain.float_output().scale.empty());
  chain.append({.scale = {1.0, 1.0, 1.0}, .shift = {1.0, 1.0, 1.0}});
  EXPECT_FALSE(chain.is_simple());
  EXPECT_TRUE(throws_error([&] { chain.float_output(); }, "2 affine maps"));
}

TEST(PointwiseChainTest, ThresholdsBelowTheReluAreAlwaysCrossed) {
  PointwiseChain chain(1);
  chain.append({.scale = {2.0}, .shift = {-1.0}});
  chain.append_relu();
  const std::vector<float> thresholds = {-0.5F, 0.0F, 3.0F};
  const deploy::FoldedThresholds folded = chain.folded_thresholds(thresholds);
  EXPECT_EQ(folded.levels, (std::vector<float>{-infinity, 0.0F, 3.0F}));
  EXPECT_EQ(folded.scale, (std::vector<float>{2.0F}));
  EXPECT_EQ(folded.shift, (std::vector<float>{-1.0F}));
  EXPECT_EQ(chain.symbol_output(thresholds).thresholds,
            (std::vector<float>{-infinity, 0.5F, 2.0F}));
}

/// Numbers of few binary digits, for which everything below is exact.
double one_of(Rng& rng, const std::vector<double>& numbers) {
  return numbers[random_integer(rng, 0, std::ssize(numbers) - 1)];
}

TEST(PointwiseChainTest, PositionsAreThoseOfTheValuesThatTheChainComputes) {
  constexpr int channels = 4;
  Rng rng(3, RngPurpose::test);
  for (int repetition = 0; repetition < 200; ++repetition) {
    PointwiseChain chain(channels);
    std::vector<ChannelAffine> affines;
    std::vector<bool> relus;
    for (std::int64_t stage = random_integer(rng, 0, 3); stage > 0; --stage) {
      ChannelAffine affine;
      for (int c = 0; c < channels; ++c) {
        affine.scale.push_back(one_of(rng, {-2.0, -0.5, 0.0, 0.25, 1.0, 4.0}));
        affine.shift.push_back(static_cast<double>(random_integer(rng, -8, 8)) / 4);
      }
      chain.append(affine);
      affines.push_back(std::move(affine));
      relus.push_back(random_integer(rng, 0, 1) == 1);
      if (relus.back()) chain.append_relu();
    }
    std::vector<float> thresholds;
    for (int t = 0; t < 7; ++t) {
      thresholds.push_back(static_cast<float>(random_integer(rng, -16, 16)) / 8);
    }
    std::ranges::sort(thresholds);

    const kernels::BitconvSymbolOutput output = chain.symbol_output(thresholds);
    kernels::BitconvSymbolOutput folded;
    if (chain.is_simple()) {
      deploy::set_thresholds(chain.folded_thresholds(thresholds), folded);
    }
    for (int c = 0; c < channels; ++c) {
      for (int i = -512; i <= 512; ++i) {
        double value = i / 64.0;
        for (std::size_t stage = 0; stage < affines.size(); ++stage) {
          value = value * affines[stage].scale[c] + affines[stage].shift[c];
          if (relus[stage]) value = std::max(value, 0.0);
        }
        const auto expected =
            std::ranges::count_if(thresholds, [value](float t) { return value > t; });
        const auto x = static_cast<float>(i / 64.0);
        ASSERT_EQ(position_of(output, c, x), expected) << "value " << x << ", channel " << c;
        if (chain.is_simple()) {
          ASSERT_EQ(position_of(folded, c, x), expected) << "value " << x << ", channel " << c;
        }
      }
    }
  }
}

TEST(PointwiseChainTest, RoundedThresholdsDecideAsExactOnes) {
  for (const double sign : {1.0, -1.0}) {
    PointwiseChain chain(1);
    chain.append({.scale = {sign * 3.0}, .shift = {0.0}});
    const std::vector<float> one = {1.0F};
    const kernels::BitconvSymbolOutput output = chain.symbol_output(one);
    // The float next to 1/3 lies above it.
    const float above = 1.0F / 3.0F;
    ASSERT_GT(static_cast<double>(above) * 3.0, 1.0);
    const float below = std::nextafter(above, 0.0F);
    EXPECT_EQ(position_of(output, 0, static_cast<float>(sign) * above), 1);
    EXPECT_EQ(position_of(output, 0, static_cast<float>(sign) * below), 0);
  }
}

TEST(PointwiseChainTest, ThresholdsBeyondFloatsStayInOrder) {
  PointwiseChain chain(1);
  chain.append({.scale = {1e-30}, .shift = {0.0}});
  const std::vector<float> thresholds = {-1e20F, -1.0F, 1.0F, 1e20F};
  const kernels::BitconvSymbolOutput output = chain.symbol_output(thresholds);
  EXPECT_EQ(output.thresholds.front(), -infinity);
  EXPECT_GT(output.thresholds.back(), 1e38F);
  EXPECT_TRUE(std::ranges::is_sorted(output.thresholds));
  EXPECT_EQ(position_of(output, 0, 3e38F), 3);
}

}  // namespace
}  // namespace lq::testing
