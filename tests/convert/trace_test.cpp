#include "convert/trace.h"

#include <gtest/gtest.h>

#include <cstring>

#include "autograd/add.h"
#include "autograd/relu.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "models/model.h"

namespace lq::testing {
namespace {

/// relu(conv(x)) + conv(x): one layer that runs twice, and a branch that leads nowhere.
class TwiceUsed final : public Module {
 public:
  TwiceUsed() : conv_(add<Conv2d>("conv", Conv2dSpec{.in = 2, .out = 2})) {}

 protected:
  Variable forward(const Variable& x) override {
    const Variable unused = autograd::relu(x);
    const Variable first = autograd::relu(conv_(x));
    return autograd::add(first, conv_(x));
  }

 private:
  Conv2d& conv_;
};

std::vector<std::string> operations(const convert::Graph& graph) {
  std::vector<std::string> names;
  for (const convert::Node& node : graph.nodes) names.push_back(node.operation);
  return names;
}

TEST(TraceTest, NotesOperationsInOrderWithoutWhatTheOutputDoesNotNeed) {
  TwiceUsed model;
  const convert::Graph graph = convert::trace(model, Tensor::zeros({1, 4, 4, 2}));
  EXPECT_EQ(operations(graph), (std::vector<std::string>{"conv2d", "relu", "conv2d", "add"}));
  EXPECT_EQ(graph.nodes[0].scope, "conv");
  EXPECT_EQ(graph.nodes[3].scope, "");
}

TEST(TraceTest, ConnectsNodesThroughValues) {
  TwiceUsed model;
  const convert::Graph graph = convert::trace(model, Tensor::zeros({1, 4, 4, 2}));
  const convert::Node& add = graph.nodes[3];
  ASSERT_EQ(add.inputs.size(), 2U);
  EXPECT_EQ(graph.producer(add.inputs[0]), &graph.nodes[1]);
  EXPECT_EQ(graph.producer(add.inputs[1]), &graph.nodes[2]);
  EXPECT_EQ(add.output, graph.output);
  EXPECT_EQ(graph.values[graph.output].shape, (Shape{1, 4, 4, 2}));
  EXPECT_EQ(graph.nodes[0].inputs[0], graph.input);
  EXPECT_EQ(graph.producer(graph.input), nullptr);
  EXPECT_EQ(graph.values[graph.input].name, "");
}

TEST(TraceTest, SharedParametersAreOneValue) {
  TwiceUsed model;
  const convert::Graph graph = convert::trace(model, Tensor::zeros({1, 4, 4, 2}));
  EXPECT_EQ(graph.nodes[0].inputs[1], graph.nodes[2].inputs[1]);
  EXPECT_EQ(graph.values[graph.nodes[0].inputs[1]].name, "conv.weight");
}

TEST(TraceTest, FusedLayersAreSeenInParts) {
  const auto model = make_model("small-cnn", {.w_bits = 2, .a_bits = 3, .input = {8, 8, 3}});
  const convert::Graph graph = convert::trace(*model, Tensor::zeros({1, 8, 8, 3}));
  EXPECT_EQ(operations(graph),
            (std::vector<std::string>{"conv2d", "batch_norm", "relu", "quantize",              //
                                      "quantize", "conv2d", "batch_norm", "relu", "quantize",  //
                                      "quantize", "conv2d", "batch_norm", "relu",              //
                                      "global_average_pool", "linear"}));
}

TEST(TraceTest, AttributesAreFoundByNameAndType) {
  const auto model = make_model("small-cnn", {.w_bits = 2, .a_bits = 3, .input = {8, 8, 3}});
  const convert::Graph graph = convert::trace(*model, Tensor::zeros({1, 8, 8, 3}));
  const convert::Node& quantize = graph.nodes[3];
  ASSERT_NE(quantize.attribute<std::int64_t>("bits"), nullptr);
  EXPECT_EQ(*quantize.attribute<std::int64_t>("bits"), 3);
  EXPECT_EQ(quantize.attribute<double>("bits"), nullptr);
  EXPECT_EQ(quantize.attribute<std::int64_t>("stride"), nullptr);
  const auto* stride = graph.nodes[5].attribute<std::vector<std::int64_t>>("stride");
  ASSERT_NE(stride, nullptr);
  EXPECT_EQ(*stride, (std::vector<std::int64_t>{2, 2}));
}

TEST(TraceTest, ParametersAndWhatIsMadeOfThemComeWithTheirElements) {
  const auto model = make_model(
      "small-cnn", {.w_bits = 2, .a_bits = 2, .quantizer = "dorefa", .input = {8, 8, 3}});
  model->initialize(3);
  const convert::Graph graph = convert::trace(*model, Tensor::zeros({1, 8, 8, 3}));
  for (const convert::Value& value : graph.values) {
    const convert::Node* producer = value.producer ? &graph.nodes[*value.producer] : nullptr;
    const bool is_made_of_weights =
        producer != nullptr && (producer->operation == "tanh_normalize" ||
                                (producer->operation == "quantize" &&
                                 *producer->attribute<std::string>("side") == "weights"));
    EXPECT_EQ(value.constant.defined(), !value.name.empty() || is_made_of_weights);
    if (!value.constant.defined()) continue;
    EXPECT_EQ(value.constant.shape(), value.shape);
    for (const Parameter& parameter : model->parameters()) {
      if (parameter.name != value.name) continue;
      EXPECT_EQ(value.constant.raw(), parameter.variable.value().raw()) << value.name;
    }
  }
}

TEST(TraceTest, NodesTellTheirTablesAndStatistics) {
  const auto model = make_model("small-cnn", {.w_bits = 2, .a_bits = 3, .input = {8, 8, 3}});
  for (const Buffer& buffer : model->buffers()) {
    Tensor values = buffer.tensor;
    if (buffer.name == "act0.bn.running_mean") values.copy_from(Tensor::full({8}, 2.5F));
  }
  const convert::Graph graph = convert::trace(*model, Tensor::zeros({1, 8, 8, 3}));
  const convert::Node& norm = graph.nodes[1];
  EXPECT_EQ(norm.constant("running_mean").span<float>()[7], 2.5F);
  EXPECT_EQ(norm.constant("running_variance").span<float>()[7], 1.0F);
  const convert::Node& activations = graph.nodes[3];
  EXPECT_EQ(activations.constant("levels").shape(), (Shape{1, 8}));
  EXPECT_EQ(activations.constant("thresholds").shape(), (Shape{1, 7}));
  EXPECT_EQ(activations.constant("codes").dtype(), DType::u8);
  const convert::Node& weights = graph.nodes[4];
  EXPECT_EQ(weights.constant("levels").shape(), (Shape{16, 4}));
  EXPECT_THROW(weights.constant("running_mean"), Error);
}

TEST(TraceTest, TheTapeOfTrainingHoldsNoTables) {
  const auto model = make_model("small-cnn", {.w_bits = 2, .a_bits = 2, .input = {8, 8, 3}});
  const Variable y = (*model)(Variable(Tensor::zeros({2, 8, 8, 3})));
  for (const auto& record : autograd::records_of(y)) {
    EXPECT_TRUE(record->constants.empty()) << record->operation;
  }
}

TEST(TraceTest, LeavesTheModelAsItWas) {
  const auto model = make_model("small-cnn", {.w_bits = 2, .a_bits = 2, .input = {8, 8, 3}});
  model->initialize(3);
  model->train();
  std::vector<Tensor> before;
  for (const auto& [name, tensor] : model->state_dict()) before.push_back(tensor.clone());
  convert::trace(*model, Tensor::full({1, 8, 8, 3}, 1.0F));

  EXPECT_TRUE(model->training());
  EXPECT_EQ(autograd::record_mode(), autograd::RecordMode::gradient);
  const StateDict after = model->state_dict();
  for (std::size_t i = 0; i < after.size(); ++i) {
    const Tensor& tensor = after[i].second;
    EXPECT_EQ(std::memcmp(tensor.raw(), before[i].raw(), tensor.bytes()), 0) << after[i].first;
  }
}

}  // namespace
}  // namespace lq::testing
