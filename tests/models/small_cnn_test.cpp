#include "models/small_cnn.h"

#include <string>
#include <vector>

#include "tests/support/traces.h"

namespace lq::testing {
namespace {

TEST(SmallCnnTest, TraceTellsEveryOperationInOrder) {
  SmallCnn model({.w_bits = 2, .a_bits = 3});
  model.initialize(1);
  const Records records = trace(model, {1, 12, 10, 3});
  EXPECT_EQ(lines_of(records),
            (std::vector<std::string>{
                "conv0: conv2d", "act0.bn: batch_norm", "act0: relu", "act0.quant: quantize",
                "conv1.quant: quantize", "conv1: conv2d", "act1.bn: batch_norm", "act1: relu",
                "act1.quant: quantize", "conv2.quant: quantize", "conv2: conv2d",
                "act2.bn: batch_norm", "act2: relu", ": global_average_pool", "fc: linear"}));
  expect_quantizers_in_front_of_every_inner_convolution(records, true, true);
}

TEST(SmallCnnTest, FloatNetworkHasNoQuantizers) {
  SmallCnn model({.w_bits = 32, .a_bits = 32});
  model.initialize(1);
  const Records records = trace(model, {1, 12, 10, 3});
  EXPECT_EQ(records.size(), 11U);
  expect_quantizers_in_front_of_every_inner_convolution(records, false, false);
}

TEST(SmallCnnTest, TrainingFusesTheUnits) {
  SmallCnn model({.w_bits = 2, .a_bits = 2});
  model.initialize(1);
  const Variable y = model(Variable(Tensor::full({2, 8, 8, 3}, 0.5F)));
  std::vector<std::string> operations;
  for (const auto& record : autograd::records_of(y)) operations.emplace_back(record->operation);
  EXPECT_EQ(operations, (std::vector<std::string>{"conv2d", "batch_norm", "quantize", "conv2d",
                                                  "batch_norm", "quantize", "conv2d", "batch_norm",
                                                  "global_average_pool", "linear"}));
}

}  // namespace
}  // namespace lq::testing
