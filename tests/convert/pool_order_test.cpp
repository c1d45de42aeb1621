#include "convert/pool_order.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/graph_builder.h"

namespace lq::testing {
namespace {

using convert::Graph;

const Shape large{1, 4, 4, 2};
const Shape small{1, 2, 2, 2};

std::vector<std::string> operations(const Graph& graph) {
  std::vector<std::string> names;
  for (const convert::Node& node : graph.nodes) names.push_back(node.operation);
  return names;
}

std::size_t quantize(GraphBuilder& builder, std::size_t x) {
  return builder.quantize(x, "activations", {0.0F, 1.0F}, {0.5F});
}

TEST(PoolOrderTest, PoolsMoveBehindTheQuantizer) {
  GraphBuilder builder;
  const std::size_t x = builder.input(large);
  const std::size_t pooled = builder.node("max_pool", {x}, small);
  const std::size_t normed = builder.batch_norm(pooled, {2.0F, 0.0F}, {1.0F, 1.0F});
  const std::size_t rectified = builder.relu(normed);
  const std::size_t codes = quantize(builder, rectified);
  const std::size_t used = builder.relu(codes);
  Graph graph = builder.finish(used);
  convert::move_pools_behind_quantizers(graph);

  EXPECT_EQ(operations(graph),
            (std::vector<std::string>{"batch_norm", "relu", "quantize", "max_pool", "relu"}));
  std::size_t value = x;
  for (const convert::Node& node : graph.nodes) {
    EXPECT_EQ(node.inputs[0], value) << node.operation;
    value = node.output;
    EXPECT_EQ(graph.producer(value), &node) << node.operation;
    EXPECT_EQ(graph.values[value].shape, node.operation == "batch_norm" || node.scope == "relu2" ||
                                                 node.operation == "quantize"
                                             ? large
                                             : small)
        << node.scope;
  }
  EXPECT_EQ(value, graph.output);
  EXPECT_EQ(graph.nodes[3].output, codes);  // whoever took the codes takes the pooled ones
}

TEST(PoolOrderTest, TwoPoolsInARowBothMove) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 8, 8, 2});
  const std::size_t first = builder.node("max_pool", {x}, large);
  const std::size_t second = builder.node("max_pool", {first}, small);
  Graph graph = builder.finish(builder.relu(quantize(builder, second)));
  convert::move_pools_behind_quantizers(graph);
  EXPECT_EQ(operations(graph),
            (std::vector<std::string>{"quantize", "max_pool", "max_pool", "relu"}));
  EXPECT_EQ(graph.values[graph.nodes[0].output].shape, (Shape{1, 8, 8, 2}));
  EXPECT_EQ(graph.values[graph.nodes[1].output].shape, large);
  EXPECT_EQ(graph.values[graph.nodes[2].output].shape, small);
}

/// A pool, and what `continue_from` makes of its result; whether the pool stayed first.
template <typename ContinueFrom>
bool pool_stays(ContinueFrom&& continue_from) {
  GraphBuilder builder;
  const std::size_t pooled = builder.node("max_pool", {builder.input(large)}, small);
  const std::size_t output = continue_from(builder, pooled);
  Graph graph = builder.finish(output);
  convert::move_pools_behind_quantizers(graph);
  return graph.nodes[0].operation == "max_pool";
}

TEST(PoolOrderTest, PoolsStayWhereOrderIsLost) {
  EXPECT_TRUE(pool_stays([](GraphBuilder& builder, std::size_t x) {
    return builder.relu(quantize(builder, builder.batch_norm(x, {1.0F, -0.5F}, {0.0F, 0.0F})));
  }));
}

TEST(PoolOrderTest, PoolsStayWhereSomethingElseSeesThem) {
  EXPECT_TRUE(pool_stays([](GraphBuilder& builder, std::size_t x) {
    return builder.node("add", {quantize(builder, x), x}, small);
  }));
  EXPECT_TRUE(pool_stays([](GraphBuilder& builder, std::size_t x) {
    return builder.relu(builder.batch_norm(x, {1.0F, 1.0F}, {0.0F, 0.0F}));
  }));
  EXPECT_FALSE(pool_stays([](GraphBuilder& builder, std::size_t x) {
    const std::size_t codes = quantize(builder, x);
    return builder.node("add", {codes, codes}, small);
  }));
}

}  // namespace
}  // namespace lq::testing
