#include "convert/layer_weights.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/graph_builder.h"

namespace lq::testing {
namespace {

using convert::CodedSegment;
using convert::Graph;
using convert::LayerWeights;

/// 2 outputs, 1 x 2 taps, 3 channels.
constexpr convert::WeightExtents extents = {.outputs = 2, .window = 2, .channels = 3};
const Shape weight_shape{2, 1, 2, 3};

Graph layer_with(const std::vector<float>& weights, bool quantized) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 1, 2, 3});
  std::size_t w = builder.constant(weights, weight_shape);
  if (quantized) {
    w = builder.quantize(w, "weights", {-3.0F, -1.0F, 1.0F, 3.0F}, {-2.0F, 0.0F, 2.0F});
  }
  return builder.finish(builder.node("conv2d", {x, w}, {1, 1, 1, 2}));
}

const std::vector<float> weights = {-9.0F, -1.5F, 0.5F, 9.0F, 2.0F,  -2.0F,  //
                                    1.0F,  1.0F,  2.5F, 3.0F, -0.1F, 0.0F};

TEST(LayerWeightsTest, FloatsAreTakenByChannels) {
  const Graph graph = layer_with(weights, false);
  const LayerWeights layer(graph, graph.nodes.back(), extents);
  EXPECT_FALSE(layer.is_quantized());
  const CodedSegment made = layer.float_segment({.first = 1, .count = 2});
  const auto& segment = std::get<kernels::FloatSegment>(made.segment);
  EXPECT_EQ(segment.channels, 2);
  EXPECT_EQ(segment.weights,
            (std::vector<float>{-1.5F, 0.5F, 2.0F, -2.0F, 1.0F, 2.5F, -0.1F, 0.0F}));
  EXPECT_EQ(made.coded.bits, 0);
}

TEST(LayerWeightsTest, CodesAreTakenByChannels) {
  const Graph graph = layer_with(weights, true);
  const LayerWeights layer(graph, graph.nodes.back(), extents);
  EXPECT_EQ(layer.bits(), 2);
  const CodedSegment made = layer.bit_segment({.first = 0, .count = 1}, {0.5F, 0.25F, 0.125F});
  const auto& segment = std::get<kernels::BitSegment>(made.segment);
  EXPECT_EQ(segment.weight_codes, (std::vector<std::uint8_t>{0, 3, 2, 3}));
  EXPECT_EQ(segment.weight_basis, (std::vector<float>{1.0F, 2.0F, 1.0F, 2.0F}));
  EXPECT_EQ(segment.input_basis, (std::vector<float>{0.5F, 0.25F, 0.125F}));
  EXPECT_EQ(segment.input_bits, 3);
  EXPECT_EQ(made.coded.bits, 0);
}

TEST(LayerWeightsTest, QuantizedWeightsForFloatsKeepTheirCodes) {
  const Graph graph = layer_with(weights, true);
  const LayerWeights layer(graph, graph.nodes.back(), extents);
  const CodedSegment made = layer.float_segment({.first = 0, .count = 3});
  const auto& segment = std::get<kernels::CodedFloatSegment>(made.segment);
  EXPECT_EQ(segment.channels, 3);
  EXPECT_EQ(segment.weight_bits, 2);
  EXPECT_EQ(segment.weight_codes, (std::vector<std::uint8_t>{0, 1, 2, 3, 2, 0, 2, 2, 3, 3, 1, 1}));
  EXPECT_EQ(segment.weight_basis, (std::vector<float>{1.0F, 2.0F, 1.0F, 2.0F}));
  EXPECT_EQ(made.coded.bits, 0);
}

TEST(LayerWeightsTest, TheGridHasIntegersAndOneScalePerOutput) {
  const Graph graph = layer_with(weights, true);
  const LayerWeights layer(graph, graph.nodes.back(), extents);
  const CodedSegment made =
      layer.grid_segment({.first = 2, .count = 1}, {.scale = 0.5, .zero_point = 7, .bytes = {}});
  const auto& segment = std::get<kernels::GridSegment>(made.segment);
  EXPECT_EQ(segment.weights, (std::vector<std::int8_t>{1, -3, 3, -1}));
  EXPECT_EQ(segment.weight_scale, (std::vector<float>{1.0F, 1.0F}));
  EXPECT_EQ(segment.input_scale, 0.5F);
  EXPECT_EQ(segment.zero_point, 7);
  EXPECT_EQ(made.coded.basis, (std::vector<float>{1.0F, 2.0F, 1.0F, 2.0F}));
}

TEST(LayerWeightsTest, WeightsThatDoNotFitAreRefused) {
  const Graph graph = layer_with(weights, false);
  EXPECT_TRUE(throws_error(
      [&] { LayerWeights(graph, graph.nodes.back(), {.outputs = 2, .window = 1, .channels = 3}); },
      "conv2d at 'conv2d0' has 12 weights, its input wants 6"));
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 1, 2, 3});
  const std::size_t y = builder.node("conv2d", {x, x}, {1, 1, 1, 2});
  const Graph dynamic = builder.finish(y);
  EXPECT_TRUE(throws_error([&] { LayerWeights(dynamic, dynamic.nodes.back(), extents); },
                           "weights of conv2d at 'conv2d0' depend on the network's input"));
}

}  // namespace
}  // namespace lq::testing
