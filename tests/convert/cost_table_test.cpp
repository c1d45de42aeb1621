#include "convert/cost_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "autograd/add.h"
#include "autograd/concat.h"
#include "autograd/max_pool.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "models/model.h"

namespace lq::testing {
namespace {

using convert::CostTable;
using convert::LayerCost;

CostTable costs_of(const std::string& model, int w_bits, int a_bits,
                   const std::string& quantizer = "lq") {
  const ModelOptions options{.w_bits = w_bits, .a_bits = a_bits, .quantizer = quantizer};
  return convert::cost_table(*make_model(model, options), options.input);
}

double mebibytes(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

/// A column of the table in spec section 3.8, with the digits that it prints there.
struct PublishedCost {
  std::string model;
  int bits;
  std::string weights;  // millions
  std::string quantized_weight_percent;
  std::string macs;  // thousand millions
  std::string quantized_mac_percent;
  std::string fp32;    // MiB
  std::string packed;  // MiB
  int ratio_digits;
  std::string ratio;
};

class PublishedCostTest : public ::testing::TestWithParam<PublishedCost> {};

TEST_P(PublishedCostTest, TotalsPrintTheSame) {
  const PublishedCost& published = GetParam();
  const convert::CostTotals totals = costs_of(published.model, published.bits, 2).totals;
  EXPECT_EQ(fmt::format("{:.3f}", static_cast<double>(totals.weights) / 1e6), published.weights);
  EXPECT_EQ(fmt::format("{:.1f}", totals.quantized_weight_percent),
            published.quantized_weight_percent);
  EXPECT_EQ(fmt::format("{:.4f}", static_cast<double>(totals.macs) / 1e9), published.macs);
  EXPECT_EQ(fmt::format("{:.1f}", totals.quantized_mac_percent), published.quantized_mac_percent);
  EXPECT_EQ(fmt::format("{:.3g}", mebibytes(totals.fp32_bytes)), published.fp32);
  EXPECT_EQ(fmt::format("{:.2f}", mebibytes(totals.packed_bytes)), published.packed);
  EXPECT_EQ(fmt::format("{:.{}f}", totals.compression, published.ratio_digits), published.ratio);
}

INSTANTIATE_TEST_SUITE_P(
    Spec, PublishedCostTest,
    ::testing::Values(
        PublishedCost{"resnet20", 1, "0.268", "99.6", "0.0406", "98.9", "1.03", "0.05", 0, "21"},
        PublishedCost{"resnet20", 2, "0.268", "99.6", "0.0406", "98.9", "1.03", "0.08", 1, "12.4"},
        PublishedCost{"resnet20", 3, "0.268", "99.6", "0.0406", "98.9", "1.03", "0.12", 1, "8.8"},
        PublishedCost{"vgg-small", 1, "4.657", "98.2", "0.6076", "99.4", "17.8", "0.90", 1, "19.7"},
        PublishedCost{"vgg-small", 2, "4.657", "98.2", "0.6076", "99.4", "17.8", "1.46", 1, "12.2"},
        PublishedCost{"vgg-small", 3, "4.657", "98.2", "0.6076", "99.4", "17.8", "2.01", 1, "8.9"}),
    [](const auto& test) {
      std::string name = fmt::format("{}_{}", test.param.model, test.param.bits);
      std::ranges::replace(name, '-', '_');
      return name;
    });

/// The rows of the same table for ImageNet: all but the ratios, which follow from the sizes.
struct PublishedImageNetCost {
  std::string model;
  double weights;  ///< millions
  double quantized_weight_percent;
  double macs;  ///< thousand millions
  double quantized_mac_percent;
  double fp32;                   ///< MiB
  std::array<double, 3> packed;  ///< of weights with 1, 2 and 3 bits
};

class PublishedImageNetCostTest : public ::testing::TestWithParam<PublishedImageNetCost> {};

TEST_P(PublishedImageNetCostTest, TotalsAreWithinTwoPercent) {
  const PublishedImageNetCost& published = GetParam();
  const ModelInfo& info = model_info(published.model);
  const auto expect_near = [](double value, double wanted) {
    EXPECT_NEAR(value, wanted, 0.02 * wanted);
  };
  for (int bits = 1; bits <= 3; ++bits) {
    SCOPED_TRACE(fmt::format("{} bits", bits));
    const auto model = make_model(
        info.name, {.w_bits = bits, .a_bits = 2, .classes = info.classes, .input = info.input});
    const convert::CostTotals totals = convert::cost_table(*model, info.input).totals;
    expect_near(static_cast<double>(totals.weights) / 1e6, published.weights);
    expect_near(static_cast<double>(totals.macs) / 1e9, published.macs);
    expect_near(totals.quantized_weight_percent, published.quantized_weight_percent);
    expect_near(totals.quantized_mac_percent, published.quantized_mac_percent);
    expect_near(mebibytes(totals.fp32_bytes), published.fp32);
    expect_near(mebibytes(totals.packed_bytes), published.packed.at(bits - 1));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Spec, PublishedImageNetCostTest,
    ::testing::Values(
        PublishedImageNetCost{"alexnet", 62.37, 93.4, 1.135, 90.4, 238, {22.8, 29.8, 36.8}},
        PublishedImageNetCost{"vgg-variant", 138.0, 97.0, 10.71, 98.3, 527, {31.8, 47.8, 63.8}},
        PublishedImageNetCost{"resnet18", 11.68, 95.5, 1.814, 93.5, 44.7, {3.44, 4.79, 6.14}},
        PublishedImageNetCost{"resnet34", 21.78, 97.6, 3.664, 96.8, 83.3, {4.75, 7.31, 9.88}},
        PublishedImageNetCost{"resnet50", 25.50, 91.9, 4.089, 97.1, 97.9, {11.4, 14.3, 17.2}},
        PublishedImageNetCost{
            "googlenet-variant", 12.25, 91.6, 3.185, 96.3, 46.9, {5.45, 6.83, 8.20}},
        PublishedImageNetCost{"densenet121", 7.89, 86.9, 2.834, 95.8, 30.3, {4.96, 5.82, 6.67}}),
    [](const auto& test) {
      std::string name = test.param.model;
      std::ranges::replace(name, '-', '_');
      return name;
    });

TEST(CostTableTest, ResNet20IsCountedToTheByte) {
  // Worked out by hand: 16-, 32- and 64-channel stages of three blocks.
  const std::int64_t stage1 = 6 * 9 * 16 * 16;
  const std::int64_t stage2 = 9 * 16 * 32 + 5 * 9 * 32 * 32;
  const std::int64_t stage3 = 9 * 32 * 64 + 5 * 9 * 64 * 64;
  const std::int64_t quantized = stage1 + stage2 + stage3;
  const std::int64_t float_weights = 27 * 16 + 64 * 10;
  const std::int64_t channels_with_bases = 6 * 16 + 6 * 32 + 6 * 64;
  // act0, 5 + 6 + 6 in the blocks (the first block has only act2; the first block of a stage
  // normalizes its input's channels), act_last.
  const std::int64_t bn_channels = 16 + 5 * 16 + (16 + 5 * 32) + (32 + 5 * 64) + 64;
  const std::int64_t quantizers = 18;

  const convert::CostTotals totals = costs_of("resnet20", 3, 2).totals;
  EXPECT_EQ(totals.weights, quantized + float_weights);
  EXPECT_EQ(totals.parameters, quantized + float_weights + 10 + 2 * bn_channels);
  EXPECT_EQ(totals.batch_norm_bytes, 16 * bn_channels);
  EXPECT_EQ(totals.fp32_bytes, 4 * (quantized + float_weights + 10) + 16 * bn_channels);
  EXPECT_EQ(totals.packed_bytes, 3 * quantized / 8 + 4 * 3 * channels_with_bases +
                                     4 * 2 * quantizers + 4 * (float_weights + 10) +
                                     16 * bn_channels);
  EXPECT_EQ(totals.macs, 1024 * (27 * 16 + stage1) + 256 * stage2 + 64 * stage3 + 640);
}

TEST(CostTableTest, RowsTellGeometryAndBits) {
  const CostTable table = costs_of("resnet20", 2, 3);
  ASSERT_EQ(table.layers.size(), 20U);
  const LayerCost& first = table.layers.front();
  EXPECT_EQ(first.path, "conv0");
  EXPECT_EQ(first.w_bits, 32);
  EXPECT_EQ(first.a_bits, 32);
  EXPECT_EQ(first.packed_bytes, first.fp32_bytes);

  const auto strided = std::ranges::find(table.layers, "stage2_block0.conv1", &LayerCost::path);
  ASSERT_NE(strided, table.layers.end());
  EXPECT_EQ(strided->operation, "conv2d");
  EXPECT_EQ(strided->kernel, (std::vector<std::int64_t>{3, 3}));
  EXPECT_EQ(strided->stride, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(strided->input, (Shape{32, 32, 16}));
  EXPECT_EQ(strided->output, (Shape{16, 16, 32}));
  EXPECT_EQ(strided->weights, 9 * 16 * 32);
  EXPECT_EQ(strided->macs, 256 * 9 * 16 * 32);
  EXPECT_EQ(strided->w_bits, 2);
  EXPECT_EQ(strided->a_bits, 3);
  EXPECT_EQ(strided->packed_bytes, 2 * 9 * 16 * 32 / 8 + 4 * 2 * 32 + 4 * 3);

  const LayerCost& last = table.layers.back();
  EXPECT_EQ(last.operation, "linear");
  EXPECT_EQ(last.input, (Shape{64}));
  EXPECT_EQ(last.output, (Shape{10}));
  EXPECT_EQ(last.biases, 10);
  EXPECT_EQ(last.macs, 640);
}

TEST(CostTableTest, FloatNetworkIsNotCompressed) {
  const convert::CostTotals totals = costs_of("resnet20", 32, 32).totals;
  EXPECT_EQ(totals.quantized_weight_percent, 0.0);
  EXPECT_EQ(totals.quantized_mac_percent, 0.0);
  EXPECT_EQ(totals.packed_bytes, totals.fp32_bytes);
  EXPECT_EQ(totals.compression, 1.0);
}

TEST(CostTableTest, BitMacsNeedBothSides) {
  const convert::CostTotals weights_only = costs_of("resnet20", 2, 32).totals;
  EXPECT_NEAR(weights_only.quantized_mac_percent, 98.9, 0.05);
  EXPECT_EQ(weights_only.bit_mac_percent, 0.0);
  const convert::CostTotals activations_only = costs_of("resnet20", 32, 2).totals;
  EXPECT_EQ(activations_only.quantized_mac_percent, 0.0);
  EXPECT_EQ(activations_only.bit_mac_percent, 0.0);
  const convert::CostTotals both = costs_of("resnet20", 2, 2).totals;
  EXPECT_EQ(both.bit_mac_percent, both.quantized_mac_percent);
}

TEST(CostTableTest, EveryQuantizerIsUnderstood) {
  for (const std::string kind : {"lq", "hwgq", "dorefa", "xnor"}) {
    const CostTable table = costs_of("small-cnn", 1, 1, kind);
    EXPECT_EQ(table.layers[1].w_bits, 1) << kind;
    EXPECT_EQ(table.layers[1].a_bits, 1) << kind;
  }
  // Its weights are squashed before they are quantized.
  const CostTable dorefa = costs_of("small-cnn", 2, 2, "dorefa");
  EXPECT_EQ(dorefa.layers[1].w_bits, 2);
  EXPECT_EQ(dorefa.layers[1].weights, 9 * 8 * 16);
}

/// What the networks of the paper do not have: one layer that runs twice, quantizers of different
/// bits before a concatenation, pooling and grouped convolution behind a quantizer, layer-wide BN.
class Unusual final : public Module {
 public:
  Unusual()
      : narrow_(adopt("narrow", make_activation_quantizer({"lq", 32, 2}))),
        wide_(adopt("wide", make_activation_quantizer({"lq", 32, 4}))),
        grouped_(add<QuantConv2d>(
            "grouped", Conv2dSpec{.in = 6, .out = 3, .kernel = 1, .options = {.groups = 3}},
            Quantization{"lq", 3, 32})),
        shared_(add<Conv2d>("shared", Conv2dSpec{.in = 3, .out = 3, .bias = true})),
        bn_(add<BatchNorm2d>("bn", 3, BatchNorm2dOptions{.per_layer = true})) {}

 protected:
  Variable forward(const Variable& x) override {
    const std::array<Variable, 2> branches = {narrow_(x), wide_(x)};
    const Variable pooled =
        autograd::max_pool(autograd::concat(branches), {.kernel = 2, .stride = 2});
    const Variable y = bn_(grouped_(pooled));
    return autograd::add(shared_(shared_(y)), y);
  }

 private:
  Module& narrow_;
  Module& wide_;
  QuantConv2d& grouped_;
  Conv2d& shared_;
  BatchNorm2d& bn_;
};

TEST(CostTableTest, AnyModuleCanBeCounted) {
  Unusual model;
  const CostTable table = convert::cost_table(model, {8, 8, 3});
  ASSERT_EQ(table.layers.size(), 3U);

  const LayerCost& grouped = table.layers[0];
  EXPECT_EQ(grouped.a_bits, 4);
  EXPECT_EQ(grouped.w_bits, 3);
  EXPECT_EQ(grouped.weights, 3 * 2);
  EXPECT_EQ(grouped.macs, 4 * 4 * 3 * 2);
  // 18 bits of weights, three bases of three floats, input bases of two and four floats.
  EXPECT_EQ(grouped.packed_bytes, 3 + 4 * 9 + 4 * 2 + 4 * 4);

  EXPECT_EQ(table.layers[1].weights, 81);
  EXPECT_EQ(table.layers[1].biases, 3);
  EXPECT_EQ(table.layers[2].weights, 0);
  EXPECT_EQ(table.layers[2].packed_bytes, 0);
  EXPECT_EQ(table.layers[2].macs, table.layers[1].macs);

  EXPECT_EQ(table.totals.batch_norm_bytes, 2 * 4);
  EXPECT_EQ(table.totals.parameters, 6 + 81 + 3);
  EXPECT_EQ(table.totals.packed_bytes,
            grouped.packed_bytes + 4 * (81 + 3) + table.totals.batch_norm_bytes);
}

TEST(CostTableTest, RefusesAnInputThatIsNoImage) {
  Unusual model;
  EXPECT_THROW(convert::cost_table(model, {8, 8}), Error);
}

}  // namespace
}  // namespace lq::testing
