#include "convert/cost_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <regex>

#include "autograd/add.h"
#include "autograd/concat.h"
#include "autograd/max_pool.h"
#include "convert/pack.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "models/model.h"
#include "tests/support/small_input.h"

namespace lq::testing {
namespace {

using convert::CostTable;
using convert::LayerCost;

CostTable costs_of(const std::string& model, int w_bits, int a_bits,
                   const std::string& quantizer = "lq") {
  const ModelOptions options{.w_bits = w_bits, .a_bits = a_bits, .quantizer = quantizer};
  return convert::cost_table(*make_model(model, options), options.input);
}

std::int64_t bit_macs_of(const CostTable& table) {
  std::int64_t sum = 0;
  for (const LayerCost& layer : table.layers) sum += layer.bit_macs;
  return sum;
}

/// Of the segments of a packed network whose inputs are codes, or bytes that stand for them.
std::int64_t macs_on_codes(const deploy::PackedModel& model) {
  std::int64_t sum = 0;
  for (const deploy::Operation& operation : model.operations) {
    const auto* convolution = std::get_if<deploy::Convolution>(&operation);
    if (convolution == nullptr) continue;
    const kernels::Conv2dGeometry& geometry = convolution->description.geometry;
    for (const std::size_t input : convolution->inputs) {
      const deploy::Value& value = model.values[input];
      if (value.kind == deploy::ValueKind::floats) continue;
      sum += geometry.out_h * geometry.out_w * geometry.c_out * geometry.kernel_h *
             geometry.kernel_w * value.c;
    }
  }
  return sum;
}

double mebibytes(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

/// A row of the table in spec section 3.8.
struct PublishedCost {
  std::string model;
  std::string variant;
  std::string row;
  /// The number of the row, if there is one, that was printed from one with a digit more: 36.7496
  /// had become 36.75, and then 36.8.
  std::string rounded_twice = {};
};

std::vector<std::string> numbers_of(const std::string& row) {
  const std::regex number("[0-9.]+");
  return {std::sregex_token_iterator(row.begin(), row.end(), number), {}};
}

/// What the row's numbers say, of weights with 1, 2 and 3 bits.
std::vector<double> numbers_of(const std::array<convert::CostTotals, 3>& totals) {
  const convert::CostTotals& any = totals[0];
  std::vector<double> numbers = {static_cast<double>(any.weights) / 1e6,
                                 any.quantized_weight_percent, static_cast<double>(any.macs) / 1e9,
                                 any.quantized_mac_percent, mebibytes(any.fp32_bytes)};
  for (const convert::CostTotals& of_bits : totals) {
    numbers.push_back(mebibytes(of_bits.packed_bytes));
    numbers.push_back(of_bits.compression);
  }
  return numbers;
}

class PublishedCostTest : public ::testing::TestWithParam<PublishedCost> {};

TEST_P(PublishedCostTest, TotalsPrintTheSame) {
  const PublishedCost& published = GetParam();
  const ModelInfo& info = model_info(published.model);
  std::array<convert::CostTotals, 3> totals;
  for (int bits = 1; bits <= 3; ++bits) {
    const auto model = make_model(info.name, {.variant = published.variant,
                                              .w_bits = bits,
                                              .a_bits = 2,
                                              .classes = info.classes,
                                              .input = info.input});
    totals.at(bits - 1) = convert::cost_table(*model, info.input).totals;
  }
  const std::vector<std::string> printed = numbers_of(published.row);
  const std::vector<double> values = numbers_of(totals);
  ASSERT_EQ(printed.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t point = printed[i].find('.');
    const int decimals =
        point == std::string::npos ? 0 : static_cast<int>(printed[i].size() - point - 1);
    if (printed[i] == published.rounded_twice) {
      // With one digit more it is half a unit away, and so was rounded to either side.
      const double longer = std::stod(fmt::format("{:.{}f}", values[i], decimals + 1));
      EXPECT_NEAR(std::fabs(longer - std::stod(printed[i])), 0.5 * std::pow(10, -decimals), 1e-9);
    } else {
      EXPECT_EQ(fmt::format("{:.{}f}", values[i], decimals), printed[i]) << "number " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Spec, PublishedCostTest,
    ::testing::Values(PublishedCost{"resnet20", "",
                                    "0.268 M | 99.6 % | 0.0406 G | 98.9 % | 1.03 | "
                                    "0.05 (21x) | 0.08 (12.4x) | 0.12 (8.8x)"},
                      PublishedCost{"vgg-small", "",
                                    "4.657 M | 98.2 % | 0.6076 G | 99.4 % | 17.8 | "
                                    "0.90 (19.7x) | 1.46 (12.2x) | 2.01 (8.9x)"},
                      PublishedCost{"alexnet", "fc-bn-per-layer",
                                    "62.37 M | 93.4 % | 1.135 G | 90.4 % | 238 | "
                                    "22.8 (10.4x) | 29.8 (8.0x) | 36.8 (6.5x)",
                                    "36.8"},
                      PublishedCost{"vgg-variant", "fc-bn-per-layer",
                                    "138.0 M | 97.0 % | 10.71 G | 98.3 % | 527 | "
                                    "31.8 (16.6x) | 47.8 (11x) | 63.8 (8.3x)"},
                      PublishedCost{"resnet18", "type-b",
                                    "11.68 M | 95.5 % | 1.814 G | 93.5 % | 44.7 | "
                                    "3.44 (13x) | 4.79 (9.3x) | 6.14 (7.3x)"},
                      PublishedCost{"resnet34", "type-b",
                                    "21.78 M | 97.6 % | 3.664 G | 96.8 % | 83.3 | "
                                    "4.75 (17.5x) | 7.31 (11.4x) | 9.88 (8.4x)"},
                      PublishedCost{"resnet50", "type-b",
                                    "25.50 M | 91.9 % | 4.089 G | 97.1 % | 97.9 | "
                                    "11.4 (8.6x) | 14.3 (6.9x) | 17.2 (5.7x)"},
                      PublishedCost{"googlenet-variant", "quantizer-per-branch",
                                    "12.25 M | 91.6 % | 3.185 G | 96.3 % | 46.9 | "
                                    "5.45 (8.6x) | 6.83 (6.9x) | 8.20 (5.7x)",
                                    "3.185"},
                      PublishedCost{"densenet121", "as-released",
                                    "7.89 M | 86.9 % | 2.834 G | 95.8 % | 30.3 | "
                                    "4.96 (6.1x) | 5.82 (5.2x) | 6.67 (4.5x)",
                                    "6.67"}),
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

TEST(CostTableTest, QuantizedChannelsBesideFloatsAreBitMacs) {
  // DenseNet-121 by hand. A block's input is floats, and each of its layers adds 32 quantized
  // channels: those are what a 1x1 convolution has of bits. 3x3 convolutions have quantized inputs.
  constexpr std::array<int, 4> layers = {6, 12, 24, 16}, sides = {56, 28, 14, 7};
  std::int64_t macs = 112 * 112 * 49 * 3 * 64 + 1024 * 1000;
  std::int64_t bit_macs = 0;
  std::int64_t channels = 64;
  for (std::size_t block = 0; block < layers.size(); ++block) {
    const int pixels = sides[block] * sides[block];
    for (int added = 0; added < 32 * layers[block]; added += 32) {
      macs += pixels * 128 * (channels + added + 9 * 32);
      bit_macs += pixels * 128 * (added + 9 * 32);
    }
    channels += 32 * layers[block];
    if (block == layers.size() - 1) break;
    macs += pixels * channels * (channels / 2);
    bit_macs += pixels * 32 * layers[block] * (channels / 2);
    channels /= 2;
  }
  const ModelOptions options{
      .w_bits = 2, .a_bits = 2, .classes = 1000, .input = Shape{224, 224, 3}};
  const CostTable table = convert::cost_table(*make_model("densenet121", options), options.input);
  EXPECT_EQ(table.totals.macs, macs);
  EXPECT_EQ(bit_macs_of(table), bit_macs);
  EXPECT_NEAR(table.totals.bit_mac_percent, 75.0, 0.05);
}

TEST(CostTableTest, BitMacsAreWhatPackingDoesOnCodes) {
  // Chains, sums on float shortcuts, and concatenations of quantized and of float values.
  for (const auto& [name, variant] : {std::pair{"resnet20", ""},
                                      {"resnet18", "type-b"},
                                      {"googlenet-variant", "quantizer-per-branch"},
                                      {"densenet121", "as-released"},
                                      {"densenet121", "pre-activation"}}) {
    SCOPED_TRACE(fmt::format("{} {}", name, variant));
    const Shape input = small_input(name);
    const auto model =
        make_model(name, {.variant = variant, .w_bits = 1, .a_bits = 2, .input = input});
    model->initialize(1);
    EXPECT_EQ(bit_macs_of(convert::cost_table(*model, input)),
              macs_on_codes(convert::pack(*model, input)));
  }
}

TEST(CostTableTest, DenseNetBehindActivationsPacksCompletely) {
  const Shape input = small_input("densenet121");
  const auto model = make_model(
      "densenet121", {.variant = "pre-activation", .w_bits = 1, .a_bits = 2, .input = input});
  model->initialize(1);
  const CostTable table = convert::cost_table(*model, input);
  std::int64_t macs = 0;
  for (const LayerCost& layer : table.layers) macs += layer.w_bits == 32 ? 0 : layer.macs;
  EXPECT_EQ(bit_macs_of(table), macs);
  EXPECT_EQ(macs_on_codes(convert::pack(*model, input)), macs);
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
