#include "convert/maps.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/graph_builder.h"

namespace lq::testing {
namespace {

using convert::Extents;
using convert::Graph;

void expect_extents(const Extents& given, std::int64_t h, std::int64_t w, std::int64_t c) {
  EXPECT_EQ(given.h, h);
  EXPECT_EQ(given.w, w);
  EXPECT_EQ(given.c, c);
}

TEST(MapsTest, AFlattenedMapIsStillTheMap) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 3, 4, 5});
  const std::size_t flat = builder.node("reshape", {x}, {1, 60});
  const std::size_t rectified = builder.relu(flat);
  const std::size_t mean = builder.node("global_average_pool", {x}, {1, 5});
  const Graph graph = builder.finish(mean);
  expect_extents(extents_of(graph, x), 3, 4, 5);
  expect_extents(extents_of(graph, rectified), 3, 4, 5);
  expect_extents(extents_of(graph, mean), 1, 1, 5);
  EXPECT_EQ(without_reshape(graph, flat), x);
  EXPECT_EQ(without_reshape(graph, rectified), rectified);
}

TEST(MapsTest, AFullyConnectedLayerOfEqualSizeIsNoMap) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 1, 2, 2});
  const std::size_t flat = builder.node("reshape", {x}, {1, 4});
  const std::size_t weights = builder.constant(std::vector<float>(16), {4, 4});
  const std::size_t y = builder.node("linear", {flat, weights}, {1, 4});
  expect_extents(extents_of(builder.finish(y), y), 1, 1, 4);
}

TEST(MapsTest, OtherReshapesAreRefused) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 2, 2, 4});
  const std::size_t y = builder.node("reshape", {x}, {1, 4, 2, 2});
  const Graph graph = builder.finish(y);
  EXPECT_TRUE(throws_error([&] { without_reshape(graph, y); },
                           "reshape at 'reshape0' to 1x4x2x2 is not supported"));
}

TEST(MapsTest, LevelsSurvivePoolingAndReshaping) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 4, 4, 1});
  const std::size_t codes = builder.quantize(x, "activations", {0.0F, 1.0F}, {0.5F});
  const std::size_t pooled = builder.node("max_pool", {codes}, {1, 2, 2, 1});
  const std::size_t flat = builder.node("reshape", {pooled}, {1, 4});
  const std::size_t mean = builder.node("average_pool", {codes}, {1, 2, 2, 1});
  const std::size_t sum = builder.node("add", {mean, pooled}, {1, 2, 2, 1});
  const Graph graph = builder.finish(sum);
  EXPECT_EQ(level_source(graph, flat), graph.producer(codes));
  EXPECT_EQ(level_source(graph, mean), nullptr);
  EXPECT_EQ(level_source(graph, sum), nullptr);
  EXPECT_EQ(level_source(graph, x), nullptr);
}

TEST(MapsTest, ConcatenationsInConcatenationsAreOne) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 2, 2, 1});
  const std::size_t y = builder.relu(x);
  const std::size_t inner = builder.node("concat", {x, y}, {1, 2, 2, 2});
  const std::size_t outer = builder.node("concat", {inner, x}, {1, 2, 2, 3});
  const Graph graph = builder.finish(outer);
  EXPECT_EQ(concatenated_values(graph, outer), (std::vector<std::size_t>{x, y, x}));
  EXPECT_EQ(concatenated_values(graph, y), (std::vector<std::size_t>{y}));
}

}  // namespace
}  // namespace lq::testing
