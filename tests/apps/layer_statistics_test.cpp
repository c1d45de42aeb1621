#include "apps/layer_statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "data/synthetic.h"
#include "models/model.h"
#include "tests/support/devices.h"
#include "tests/support/errors.h"
#include "train/evaluation.h"

namespace lq::testing {
namespace {

using apps::LayerStatistics;
using apps::LayerStatisticsOptions;
using apps::LevelSummary;
using apps::SideStatistics;

constexpr std::int64_t channels = 16;  // of conv1 in small-cnn
constexpr std::int64_t inputs = 9 * 8;

/// small-cnn before and "after" training: its bases are moved away from their start.
class LayerStatisticsTest : public ::testing::TestWithParam<Device> {
 protected:
  void make(const ModelOptions& options) {
    options_ = options;
    options_.input = {8, 8, 3};
    initial_ = make_model("small-cnn", options_);
    initial_->initialize(5);
    model_ = make_model("small-cnn", options_);
    model_->initialize(5);
    Rng rng(6, RngPurpose::test);
    for (Buffer& buffer : model_->buffers()) {
      if (!buffer.name.ends_with(".basis")) continue;
      for (float& element : buffer.tensor.span<float>()) element *= rng.uniform(0.7F, 1.6F);
    }
  }

  LayerStatistics look(LayerStatisticsOptions options) {
    const DatasetSplits data =
        make_synthetic({.train_images = 8, .test_images = 8, .height = 8, .width = 8});
    const auto normalize = std::make_shared<NormalizeTransform>(per_pixel_normalization(data));
    Loader loader(data.test, normalize, {.batch = 4});
    options.device = GetParam();
    LayerStatistics statistics =
        apps::layer_statistics(*model_, *initial_, options_.input, loader, options);
    EXPECT_EQ(device_of(*model_), GetParam());
    model_->to(Device{});
    return statistics;
  }

  /// Values of a parameter or buffer of the trained network.
  std::vector<float> values(const std::string& name) {
    for (const auto& [entry, tensor] : std::as_const(*model_).state_dict()) {
      if (entry == name) return {tensor.span<float>().begin(), tensor.span<float>().end()};
    }
    throw std::runtime_error("no " + name);
  }

  /// Levels of two bits {-1, +1} for one channel, ascending: by hand, from the basis.
  std::vector<double> levels_of_channel(std::int64_t channel) {
    const std::vector<float> basis = values("conv1.quant.basis");
    const double a = basis[2 * channel];
    const double b = basis[2 * channel + 1];
    std::vector<double> levels = {-a - b, a - b, b - a, a + b};
    std::ranges::sort(levels);
    return levels;
  }

  ModelOptions options_;
  std::unique_ptr<Module> initial_;
  std::unique_ptr<Module> model_;
};

std::int64_t total(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

void expect_consistent(const SideStatistics& side) {
  const apps::Histogram& floating = side.floating;
  EXPECT_EQ(total(floating.counts) + floating.below + floating.above + floating.not_a_number,
            side.values);
  std::int64_t quantized = 0;
  for (const LevelSummary& level : side.levels) {
    quantized += level.count;
    EXPECT_LE(level.position_p10, level.position + 1e-6);
    EXPECT_GE(level.position_p90, level.position - 1e-6);
    EXPECT_GE(level.position, floating.low - 1e-6);
    EXPECT_LE(level.position, floating.high + 1e-6);
  }
  EXPECT_EQ(quantized, side.levels.empty() ? 0 : side.values);
  EXPECT_TRUE(std::ranges::is_sorted(side.levels, {}, &LevelSummary::learned));
}

TEST_P(LayerStatisticsTest, WeightsAreCountedAtTheirNearestLevels) {
  make({.w_bits = 2, .a_bits = 2});
  const SideStatistics weights = look({.layer = "conv1"}).weights;
  expect_consistent(weights);
  EXPECT_EQ(weights.bits, 2);
  EXPECT_EQ(weights.quantizer, "conv1.quant");
  EXPECT_EQ(weights.values, channels * inputs);
  EXPECT_EQ(weights.normalized_channels, channels);

  const std::vector<float> w = values("conv1.weight");
  std::vector<std::int64_t> counts(4);
  std::vector<double> learned(4);
  std::vector<double> position(4);
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::vector<double> levels = levels_of_channel(c);
    for (std::int64_t l = 0; l < 4; ++l) {
      learned[l] += levels[l] / channels;
      position[l] += levels[l] / levels[3] / channels;
    }
    for (std::int64_t i = 0; i < inputs; ++i) {
      const auto nearest = std::ranges::min_element(levels, {}, [&](double level) {
        return std::abs(level - static_cast<double>(w[c * inputs + i]));
      });
      ++counts[nearest - levels.begin()];
    }
  }
  ASSERT_EQ(weights.levels.size(), 4U);
  for (std::size_t l = 0; l < 4; ++l) {
    EXPECT_EQ(weights.levels[l].count, counts[l]);
    EXPECT_NEAR(weights.levels[l].learned, learned[l], 1e-6);
    EXPECT_NEAR(weights.levels[l].position, position[l], 1e-6);
  }
  // 0.6745 * sqrt(2 / (9 * 16)) / 2 * (1 + 2), spec section 1.2.
  EXPECT_NEAR(weights.levels[3].initial, 0.6745 * std::sqrt(2.0 / 144) / 2 * 3, 1e-6);
}

TEST_P(LayerStatisticsTest, OneChannelIsShownAsItIs) {
  make({.w_bits = 2, .a_bits = 2});
  const LayerStatistics statistics = look({.layer = "conv1", .channel = 7});
  const SideStatistics& weights = statistics.weights;
  expect_consistent(weights);
  EXPECT_EQ(statistics.channel, 7);
  EXPECT_EQ(weights.values, inputs);
  EXPECT_EQ(weights.normalized_channels, 0);
  const std::vector<double> levels = levels_of_channel(7);
  for (std::size_t l = 0; l < 4; ++l) {
    EXPECT_NEAR(weights.levels[l].learned, levels[l], 1e-6);
    EXPECT_EQ(weights.levels[l].position, weights.levels[l].learned);
  }
  const std::vector<float> w = values("conv1.weight");
  const auto [low, high] = std::minmax_element(w.begin() + 7 * inputs, w.begin() + 8 * inputs);
  EXPECT_LE(weights.floating.low, *low);
  EXPECT_GE(weights.floating.high, *high);
}

TEST_P(LayerStatisticsTest, ActivationsAreThoseOfTheLayersInput) {
  make({.w_bits = 2, .a_bits = 3});
  const LayerStatistics statistics = look({.layer = "conv1", .images = 5});
  const SideStatistics& activations = statistics.activations;
  expect_consistent(activations);
  EXPECT_EQ(statistics.images, 8) << "whole batches";
  EXPECT_EQ(activations.bits, 3);
  EXPECT_EQ(activations.quantizer, "act0.quant");
  EXPECT_EQ(activations.values, 8 * 8 * 8 * 8);
  EXPECT_EQ(activations.floating.low, 0.0) << "behind a ReLU";
  ASSERT_EQ(activations.levels.size(), 8U);
  EXPECT_NEAR(activations.levels[7].initial, 1.349, 1e-3);
  const std::vector<float> basis = values("act0.quant.basis");
  EXPECT_NEAR(activations.levels[7].learned, basis[0] + basis[1] + basis[2], 1e-6);
}

TEST_P(LayerStatisticsTest, FewerImagesMeanFewerBatches) {
  make({.w_bits = 2, .a_bits = 2});
  EXPECT_EQ(look({.images = 1}).images, 4);
  EXPECT_EQ(look({.images = 1000}).images, 8);
}

TEST_P(LayerStatisticsTest, FloatLayersHaveNoLevels) {
  make({.w_bits = 32, .a_bits = 2});
  const LayerStatistics statistics = look({.layer = "conv1"});
  expect_consistent(statistics.weights);
  EXPECT_EQ(statistics.weights.bits, 32);
  EXPECT_TRUE(statistics.weights.levels.empty());
  EXPECT_EQ(statistics.weights.values, channels * inputs);
  EXPECT_EQ(statistics.activations.levels.size(), 4U);

  const LayerStatistics first = look({.layer = "conv0", .channel = 2});
  EXPECT_EQ(first.weights.values, 27);
  EXPECT_EQ(first.activations.values, 8 * 8 * 8 * 3) << "the images";
  EXPECT_TRUE(first.activations.levels.empty());
}

TEST_P(LayerStatisticsTest, OtherQuantizersAreShownWithWhatTheyQuantize) {
  make({.w_bits = 2, .a_bits = 2, .quantizer = "dorefa"});
  const LayerStatistics dorefa = look({.layer = "conv1"});
  expect_consistent(dorefa.weights);
  EXPECT_EQ(dorefa.weights.normalized_channels, 0) << "one table for all channels";
  // tanh(w) / max |tanh(w)| reaches 1 or -1.
  EXPECT_NEAR(std::max(-dorefa.weights.floating.low, dorefa.weights.floating.high), 1, 1e-6);
  EXPECT_NEAR(dorefa.weights.levels[1].position, -1.0 / 3, 1e-6);

  make({.w_bits = 1, .a_bits = 1, .quantizer = "xnor"});
  const LayerStatistics xnor = look({.layer = "conv1"});
  expect_consistent(xnor.weights);
  expect_consistent(xnor.activations);
  EXPECT_EQ(xnor.weights.normalized_channels, channels);
  EXPECT_EQ(xnor.weights.levels[0].position, -1.0);
  EXPECT_LT(xnor.activations.floating.low, 0.0);
}

TEST_P(LayerStatisticsTest, WeightsThatAreAllZeroAreNoTrouble) {
  make({.w_bits = 2, .a_bits = 2});
  for (Parameter& parameter : model_->parameters()) parameter.variable.value().fill_zero();
  for (Buffer& buffer : model_->buffers()) {
    if (buffer.name.ends_with(".basis")) buffer.tensor.fill_zero();
  }
  const LayerStatistics statistics = look({.layer = "conv1"});
  for (const SideStatistics* side : {&statistics.weights, &statistics.activations}) {
    EXPECT_TRUE(std::isfinite(side->levels[3].position));
    EXPECT_EQ(total(side->floating.counts), side->values);
  }
}

TEST_P(LayerStatisticsTest, DefaultLayerIsAQuantizedOne) {
  make({.w_bits = 2, .a_bits = 2});
  EXPECT_EQ(look({}).layer, "conv2");
  make({.w_bits = 32, .a_bits = 32});
  EXPECT_EQ(look({}).layer, "conv2");
}

TEST_P(LayerStatisticsTest, RefusesWhatIsNotThere) {
  make({.w_bits = 2, .a_bits = 2});
  EXPECT_TRUE(throws_error([&] { look({.layer = "conv9"}); }, "conv0, conv1, conv2, fc"));
  EXPECT_TRUE(throws_error([&] { look({.layer = "conv1", .channel = 16}); }, "0 to 15"));
  EXPECT_TRUE(throws_error([&] { look({.layer = "conv1", .channel = -1}); }, "0 to 15"));
  EXPECT_TRUE(throws_error([&] { look({.images = 0}); }, "0 images"));
  EXPECT_TRUE(throws_error([&] { look({.bins = 0}); }, "0 bins"));
}

TEST_P(LayerStatisticsTest, WeightsThatAreNotFiniteAreCounted) {
  make({.w_bits = 32, .a_bits = 32});
  std::span<float> weights;
  for (Parameter& parameter : model_->parameters()) {
    if (parameter.name == "conv1.weight") weights = parameter.variable.value().span<float>();
  }
  constexpr float infinity = std::numeric_limits<float>::infinity();
  weights[0] = weights[5] = std::numeric_limits<float>::quiet_NaN();
  weights[1] = infinity;
  weights[2] = weights[3] = weights[4] = -infinity;
  const SideStatistics side = look({.layer = "conv1"}).weights;
  expect_consistent(side);
  EXPECT_EQ(side.floating.not_a_number, 2);
  EXPECT_GE(side.floating.above, 1);
  EXPECT_GE(side.floating.below, 3);
  EXPECT_TRUE(std::isfinite(side.floating.low) && std::isfinite(side.floating.high));
}

/// Layers behind a concatenation have inputs of several quantizers.
TEST(LayerStatistics, DefaultLayerHasInputsOfOneQuantizer) {
  const ModelOptions options{.w_bits = 2, .a_bits = 2, .input = {32, 32, 3}};
  const auto model = make_model("googlenet-variant", options);
  model->initialize(1);
  const DatasetSplits data = make_synthetic({.train_images = 1, .test_images = 2});
  Loader loader(data.test, std::make_shared<NormalizeTransform>(per_pixel_normalization(data)),
                {.batch = 2});
  const LayerStatistics statistics =
      apps::layer_statistics(*model, *model, options.input, loader, {});
  EXPECT_EQ(statistics.weights.bits, 2);
  EXPECT_EQ(statistics.activations.bits, 2);
}

INSTANTIATE_TEST_SUITE_P(Devices, LayerStatisticsTest, ::testing::ValuesIn(all_devices()),
                         device_name);

}  // namespace
}  // namespace lq::testing
