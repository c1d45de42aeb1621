#include "convert/fusion.h"

#include <gtest/gtest.h>

#include "tests/support/graph_builder.h"

namespace lq::testing {
namespace {

using convert::FusedLayer;
using convert::Graph;

const Shape map{1, 4, 4, 1};

std::size_t conv(GraphBuilder& builder, std::size_t x) {
  return builder.node("conv2d", {x, builder.constant({1.0F}, {1, 1, 1, 1})}, map);
}

TEST(FusionTest, ALayerAloneIsItself) {
  GraphBuilder builder;
  const std::size_t y = conv(builder, builder.input(map));
  const std::size_t z = builder.relu(builder.batch_norm(y, {2.0F}, {0.0F}));
  const Graph graph = builder.finish(z);
  const std::vector<FusedLayer> layers = convert::fuse_layers(graph);
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].layer, &graph.nodes[0]);
  // The batch normalization belongs to what follows: there is no addition.
  EXPECT_EQ(layers[0].batch_norm, nullptr);
  EXPECT_FALSE(layers[0].residual.has_value());
  EXPECT_EQ(layers[0].result, y);
}

TEST(FusionTest, BatchNormAndAdditionAreSwallowed) {
  GraphBuilder builder;
  const std::size_t x = builder.input(map);
  const std::size_t normed = builder.batch_norm(conv(builder, x), {2.0F}, {0.0F});
  const std::size_t sum = builder.node("add", {x, normed}, map);
  const Graph graph = builder.finish(sum);
  const std::vector<FusedLayer> layers = convert::fuse_layers(graph);
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].batch_norm, &graph.nodes[1]);
  EXPECT_EQ(layers[0].residual, x);
  EXPECT_EQ(layers[0].result, sum);
}

TEST(FusionTest, OfTwoLayersTheLaterOneTakesTheAddition) {
  for (const bool swapped : {false, true}) {
    GraphBuilder builder;
    const std::size_t x = builder.input(map);
    const std::size_t first = conv(builder, x);
    const std::size_t second = conv(builder, x);
    const std::size_t sum = builder.node(
        "add", swapped ? GraphBuilder::Values{second, first} : GraphBuilder::Values{first, second},
        map);
    const Graph graph = builder.finish(sum);
    const std::vector<FusedLayer> layers = convert::fuse_layers(graph);
    ASSERT_EQ(layers.size(), 2U);
    EXPECT_EQ(layers[0].result, first);
    EXPECT_EQ(layers[1].residual, first);
    EXPECT_EQ(layers[1].result, sum);
  }
}

TEST(FusionTest, WhatSomethingElseUsesIsNotSwallowed) {
  GraphBuilder builder;
  const std::size_t x = builder.input(map);
  const std::size_t y = conv(builder, x);
  const std::size_t sum = builder.node("add", {builder.relu(y), y}, map);
  const std::vector<FusedLayer> layers = convert::fuse_layers(builder.finish(sum));
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].result, y);
}

TEST(FusionTest, TheOutputCountsAsAUse) {
  GraphBuilder builder;
  const std::size_t x = builder.input(map);
  const std::size_t y = conv(builder, x);
  builder.node("add", {x, y}, map);
  EXPECT_EQ(convert::fuse_layers(builder.finish(y))[0].result, y);
}

TEST(FusionTest, ASumCanBeTheResidualOfTheNext) {
  GraphBuilder builder;
  const std::size_t x = builder.input(map);
  const std::size_t first = builder.node("add", {x, conv(builder, x)}, map);
  const std::size_t second = builder.node("add", {first, conv(builder, builder.relu(first))}, map);
  const std::vector<FusedLayer> layers = convert::fuse_layers(builder.finish(second));
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[1].residual, first);
  EXPECT_EQ(layers[1].result, second);
}

}  // namespace
}  // namespace lq::testing
