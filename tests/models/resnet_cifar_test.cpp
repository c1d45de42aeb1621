#include "models/resnet_cifar.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/random.h"
#include "tests/support/traces.h"

namespace lq::testing {
namespace {

constexpr int float32 = 32;

ModelOptions bits(int w_bits, int a_bits) { return {.w_bits = w_bits, .a_bits = a_bits}; }

Records trace_of(int depth, const ModelOptions& options) {
  ResNetCifar model(depth, options);
  return trace(model, {2, 32, 32, 3});
}

TEST(ResNetCifarTest, EveryInnerConvolutionHasQuantizers) {
  for (const int w_bits : {2, float32}) {
    for (const int a_bits : {2, float32}) {
      const Records records = trace_of(20, bits(w_bits, a_bits));
      EXPECT_EQ(quantizers(records, "weights"), w_bits == 2 ? 18 : 0);
      EXPECT_EQ(quantizers(records, "activations"), a_bits == 2 ? 18 : 0);
      expect_quantizers_in_front_of_every_inner_convolution(records, w_bits == 2, a_bits == 2);
      EXPECT_EQ(std::ranges::count_if(
                    records, [](const auto& record) { return is(record.get(), "conv2d"); }),
                19);
    }
  }
  const Records deep = trace_of(56, bits(1, 2));
  EXPECT_EQ(quantizers(deep, "weights"), 54);
  EXPECT_EQ(quantizers(deep, "activations"), 54);
}

TEST(ResNetCifarTest, ShortcutsAreNotQuantized) {
  const Records records = trace_of(20, bits(2, 2));
  int blocks = 0;
  for (const auto& record : records) {
    if (!is(record.get(), "add")) continue;
    ++blocks;
    // Shortcut first, then the branch, which ends in a convolution.
    const autograd::Record* shortcut = source(*record, 0);
    EXPECT_TRUE(is(source(*record, 1), "conv2d")) << record->scope;
    if (record->scope == "stage1_block0") {
      EXPECT_TRUE(is(shortcut, "relu"));  // before the quantizer of conv1
    } else if (record->scope == "stage2_block0" || record->scope == "stage3_block0") {
      ASSERT_TRUE(is(shortcut, "channel_pad")) << record->scope;
      ASSERT_TRUE(is(source(*shortcut, 0), "average_pool")) << record->scope;
      EXPECT_TRUE(is(source(*source(*shortcut, 0), 0), "add")) << record->scope;
    } else {
      EXPECT_TRUE(is(shortcut, "add")) << record->scope;
    }
  }
  EXPECT_EQ(blocks, 9);
}

TEST(ResNetCifarTest, ABlockInItsOrder) {
  const auto lines = lines_of(trace_of(20, bits(2, 2)));
  const std::vector<std::string> expected = {"conv0: conv2d",
                                             "act0.bn: batch_norm",
                                             "act0: relu",
                                             "stage1_block0.act1: quantize",
                                             "stage1_block0.conv1.quant: quantize",
                                             "stage1_block0.conv1: conv2d",
                                             "stage1_block0.act2.bn: batch_norm",
                                             "stage1_block0.act2: relu",
                                             "stage1_block0.act2.quant: quantize",
                                             "stage1_block0.conv2.quant: quantize",
                                             "stage1_block0.conv2: conv2d",
                                             "stage1_block0: add",
                                             "stage1_block1.act1.bn: batch_norm",
                                             "stage1_block1.act1: relu",
                                             "stage1_block1.act1.quant: quantize",
                                             "stage1_block1.conv1.quant: quantize",
                                             "stage1_block1.conv1: conv2d"};
  ASSERT_GE(lines.size(), expected.size());
  EXPECT_EQ(std::vector(lines.begin(), lines.begin() + std::ssize(expected)), expected);
  const std::vector<std::string> last = {"act_last.bn: batch_norm", "act_last: relu",
                                         ": global_average_pool", "fc: linear"};
  EXPECT_EQ(std::vector(lines.end() - 4, lines.end()), last);
}

TEST(ResNetCifarTest, SignQuantizersSeeNoRelu) {
  const auto relus = [](const ModelOptions& options) {
    std::vector<std::string> scopes;
    for (const auto& record : trace_of(20, options)) {
      if (is(record.get(), "relu")) scopes.push_back(record->scope);
    }
    return scopes;
  };
  const ModelOptions xnor{.w_bits = 1, .a_bits = 1, .quantizer = "xnor"};
  EXPECT_EQ(relus(xnor), (std::vector<std::string>{"act_last"}));
  const Records records = trace_of(20, xnor);
  EXPECT_EQ(quantizers(records, "activations"), 18);
  for (const auto& record : records) {
    if (is(record.get(), "quantize") && side_of(*record) == "activations") {
      EXPECT_TRUE(is(source(*record, 0), "batch_norm")) << record->scope;
    }
  }
  // Float activations have their ReLUs: 18 in front of convolutions, and the last.
  EXPECT_EQ(relus({.w_bits = 1, .a_bits = float32, .quantizer = "xnor"}).size(), 19U);
  // Parameters keep their names, so that training can start from those of another kind.
  ResNetCifar sign(20, xnor), plain(20, bits(float32, float32));
  const auto a = sign.parameters(), b = plain.parameters();
  EXPECT_TRUE(std::ranges::equal(a, b, {}, &Parameter::name, &Parameter::name));
}

TEST(ResNetCifarTest, MapsHalveWhereChannelsDouble) {
  for (const auto& record : trace_of(32, bits(2, 2))) {
    if (!is(record.get(), "add")) continue;
    const std::int64_t stage = record->scope.at(5) - '1';
    const std::int64_t side = 32 >> stage;
    EXPECT_EQ(output_shape(*record), (Shape{2, side, side, 16 << stage})) << record->scope;
  }
}

TEST(ResNetCifarTest, WideningShortcutHasZeroChannelsOnBothSides) {
  PreactivationBlock block(4, 10, /*first=*/false, {});
  // No branch: all weights are zero until initialised.
  const Tensor x = random_normal({1, 4, 4, 4}, 1);
  const Variable output = block(Variable(x));
  const Tensor& y = output.value();
  ASSERT_EQ(y.shape(), (Shape{1, 2, 2, 10}));
  for (std::int64_t c = 0; c < 10; ++c) {
    float expected = 0.0F;
    if (c >= 3 && c < 7) {
      for (const std::int64_t pixel : {0, 1, 4, 5}) {
        expected += x.data<float>()[pixel * 4 + c - 3] / 4.0F;
      }
    }
    EXPECT_NEAR(y.data<float>()[c], expected, 1e-6) << "channel " << c;
  }
}

TEST(ResNetCifarTest, InitialDeviationFollowsTheFanOut) {
  ResNetCifar model(20, {});
  model.initialize(1);
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.name != "stage3_block0.conv1.weight") continue;  // 32 to 64 channels
    double squares = 0;
    for (const double weight : to_double(parameter.variable.value())) squares += weight * weight;
    // 18432 weights: one standard error is below one percent.
    EXPECT_NEAR(squares / 18'432 * (9 * 64) / 2, 1.0, 0.04);
  }
}

}  // namespace
}  // namespace lq::testing
