#include "autograd/bit_conv2d.h"

#include <algorithm>
#include <vector>

#include "autograd/max_pool.h"
#include "autograd/quantize.h"
#include "core/allocator.h"
#include "core/device.h"
#include "tests/support/backends.h"
#include "tests/support/bit_conv2d_case.h"
#include "tests/support/compare.h"
#include "tests/support/gradient_check.h"
#include "tests/support/level_tables.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using autograd::bit_conv2d;
using autograd::conv2d;
using autograd::Conv2dOptions;
using autograd::LevelTable;
using autograd::Padding;
using autograd::RecordMode;
using autograd::RecordModeScope;
using autograd::Variable;
using kernels::CodeAlphabet;

LevelTable level_table(std::int64_t rows, int bits, CodeAlphabet alphabet, Rng& rng) {
  const TableTensors tensors = table_of(random_basis(rows, bits, rng), alphabet);
  LevelTable table;
  table.levels = tensors.levels;
  table.thresholds = tensors.thresholds;
  table.codes = tensors.codes;
  table.pass_range = tensors.pass_range;
  table.alphabet = alphabet;
  return table;
}

/// Leaves and what their quantizers make of them.
struct Operands {
  Variable x, weight, bias;
  Variable quantized_x, quantized_weight;

  explicit Operands(const BitConv2dCase& c, CodeAlphabet of_x = CodeAlphabet::zero_one) {
    Rng rng(7, RngPurpose::synthetic);
    x = Variable(random_normal(c.x, 1), true);
    weight = Variable(random_normal(c.weight, 2), true);
    if (c.bias) bias = Variable(random_normal({c.weight[0]}, 3), true);
    quantized_x =
        autograd::quantize(x, level_table(1, c.input_bits, of_x, rng), nullptr, false, {});
    quantized_weight = autograd::quantize(
        weight, level_table(c.weight_rows(), c.weight_bits, CodeAlphabet::minus_plus_one, rng),
        nullptr, true, {});
  }
};

std::string_view operation_of(const Variable& y) { return y.slot()->creator->operation; }

/// The convolution of the quantized values in double.
std::vector<double> convolved(const Operands& operands, const Conv2dOptions& options) {
  const auto geometry =
      kernels::conv2d_geometry(operands.x.shape(), operands.weight.shape(), options);
  const auto x = to_double(operands.quantized_x.value());
  const auto weight = to_double(operands.quantized_weight.value());
  std::vector<double> bias, y(geometry.y_shape().elements());
  ConstView<double> bias_view;
  if (operands.bias.defined()) {
    bias = to_double(operands.bias.value());
    bias_view = view_of(bias, geometry.bias_shape());
  }
  kernels::reference::conv2d_forward_loops<double>(geometry, view_of(x, geometry.x_shape()),
                                                   view_of(weight, geometry.weight_shape()),
                                                   bias_view, view_of(y, geometry.y_shape()));
  return y;
}

void expect_forward_is_conv2d(const BitConv2dCase& c) {
  const Operands operands(c);
  const Variable y =
      bit_conv2d(operands.quantized_x, operands.quantized_weight, operands.bias, c.options);
  EXPECT_EQ(operation_of(y), "bit_conv2d");
  // Sums of one product per pair of planes, each at most window * weight basis * input basis, and
  // basis elements are at most 1.
  const double window = static_cast<double>(c.weight.elements()) / static_cast<double>(c.weight[0]);
  const double tolerance = 2e-7 * window * c.weight_bits * c.input_bits;
  EXPECT_TRUE(all_close(y.value().span<float>(), convolved(operands, c.options), 1e-6, tolerance))
      << c.to_string();
}

class BitConv2dTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  StreamScope scope{stream};
  IsaCap cap{GetParam().isa};
};

TEST_P(BitConv2dTest, IsTheConvolutionOfTheLevelsForAllBits) {
  for (int weight_bits = 1; weight_bits <= 4; ++weight_bits) {
    for (int input_bits = 1; input_bits <= 4; ++input_bits) {
      expect_forward_is_conv2d({.x = {2, 5, 6, 16},
                                .weight = {18, 3, 3, 16},
                                .weight_bits = weight_bits,
                                .input_bits = input_bits});
    }
  }
}

TEST_P(BitConv2dTest, IsTheConvolutionOfTheLevelsForAnyShape) {
  expect_forward_is_conv2d({.x = {3, 7, 5, 35}, .weight = {7, 3, 3, 35}, .bias = true});
  expect_forward_is_conv2d(
      {.x = {1, 8, 9, 64}, .weight = {32, 3, 3, 64}, .options = {.stride_h = 2, .stride_w = 2}});
  expect_forward_is_conv2d({.x = {5, 4, 4, 32}, .weight = {16, 1, 1, 32}, .one_table = true});
  expect_forward_is_conv2d({.x = {2, 9, 9, 8},
                            .weight = {5, 5, 5, 8},
                            .options = {.padding = Padding::valid()},
                            .weight_bits = 1,
                            .input_bits = 3});
}

// Devices compute it in tests/kernels/bit_conv2d_test.cpp and tests/train/device_training_test.cpp.
INSTANTIATE_TEST_SUITE_P(Backends, BitConv2dTest, ::testing::ValuesIn(without_cuda(all_backends())),
                         backend_case_name);

TEST(BitConv2dAutogradTest, GradientsAreThoseOfConv2dBitByBit) {
  const BitConv2dCase c{.x = {3, 6, 5, 24},
                        .weight = {17, 3, 3, 24},
                        .options = {.stride_h = 2},
                        .input_bits = 3,
                        .bias = true};
  Operands bits(c), floats(c);
  const auto geometry = kernels::conv2d_geometry(c.x, c.weight, c.options);
  const Tensor grad_y = random_normal(geometry.y_shape(), 4);
  bit_conv2d(bits.quantized_x, bits.quantized_weight, bits.bias, c.options).backward(grad_y);
  conv2d(floats.quantized_x, floats.quantized_weight, floats.bias, c.options).backward(grad_y);
  const auto expect_same = [](const Variable& actual, const Variable& expected) {
    EXPECT_TRUE(
        all_close(actual.gradient().span<float>(), expected.gradient().span<float>(), 0, 0));
  };
  expect_same(bits.x, floats.x);
  expect_same(bits.weight, floats.weight);
  expect_same(bits.bias, floats.bias);
}

TEST(BitConv2dAutogradTest, TheTapeKeepsCodesInsteadOfFloats) {
  const BitConv2dCase c{.x = {4, 32, 32, 32}, .weight = {8, 3, 3, 32}};
  Operands operands(c);
  const Variable y = bit_conv2d(operands.quantized_x, operands.quantized_weight, {}, c.options);
  const std::size_t with_floats = device_memory({}).use().bytes;
  operands.quantized_x = {};
  const std::size_t with_codes = device_memory({}).use().bytes;
  EXPECT_EQ(with_floats - with_codes, BlockCache::rounded(c.x.elements() * sizeof(float)));
}

TEST(BitConv2dAutogradTest, WhatHasNoCodesIsGivenToConv2d) {
  const BitConv2dCase plain{.x = {2, 4, 4, 8}, .weight = {4, 3, 3, 8}};
  const Operands operands(plain);
  const auto operation = [](const Variable& x, const Variable& weight,
                            const Conv2dOptions& options = {}) {
    return operation_of(bit_conv2d(x, weight, {}, options));
  };
  EXPECT_EQ(operation(operands.quantized_x, operands.quantized_weight), "bit_conv2d");
  EXPECT_EQ(operation(operands.x, operands.quantized_weight), "conv2d");
  EXPECT_EQ(operation(operands.quantized_x, operands.weight), "conv2d");

  const Operands grouped({.x = {2, 4, 4, 8}, .weight = {4, 3, 3, 4}});
  EXPECT_EQ(operation(grouped.quantized_x, grouped.quantized_weight, {.groups = 2}), "conv2d");
  const Operands five_bits({.x = {2, 4, 4, 8}, .weight = {4, 3, 3, 8}, .input_bits = 5});
  EXPECT_EQ(operation(five_bits.quantized_x, five_bits.quantized_weight), "conv2d");
  const Operands signed_input(plain, CodeAlphabet::minus_plus_one);
  EXPECT_EQ(operation(signed_input.quantized_x, signed_input.quantized_weight), "conv2d");
  Rng rng(8, RngPurpose::synthetic);
  LevelTable any_levels = level_table(1, 2, CodeAlphabet::zero_one, rng);
  any_levels.alphabet.reset();
  const Variable of_any_levels = autograd::quantize(operands.x, any_levels, nullptr, false, {});
  EXPECT_EQ(operation(of_any_levels, operands.quantized_weight), "conv2d");
  const RecordModeScope trace(RecordMode::trace);
  EXPECT_EQ(operation(operands.quantized_x, operands.quantized_weight), "conv2d");
}

TEST(BitConv2dAutogradTest, CodesOfTheQuantizerAreTakenAsTheyAre) {
  const BitConv2dCase c{.x = {2, 4, 4, 40}, .weight = {4, 3, 3, 40}};
  const Operands operands(c);
  EXPECT_FALSE(operands.quantized_x.codes().defined());
  const auto quantize = [&](const LevelTable& table) {
    return autograd::quantize(operands.x, table, nullptr, false, {}, /*packs_codes=*/true);
  };
  Variable x = quantize(*operands.quantized_x.levels());
  ASSERT_TRUE(x.codes().defined());
  EXPECT_EQ(x.codes().shape(), (Shape{c.input_bits, 2 * 4 * 4, 2}));
  const auto convolve = [&](const Variable& with) {
    return bit_conv2d(with, operands.quantized_weight, {}, {}).value();
  };
  const Tensor expected = convolve(operands.quantized_x);
  EXPECT_TRUE(all_close(convolve(x).span<float>(), expected.span<float>(), 0, 0));
  // Other codes, other results: the values are not looked at.
  Tensor cleared = x.codes().clone();
  std::ranges::fill(cleared.span<std::int32_t>(), 0);
  x.set_codes(cleared);
  EXPECT_FALSE(all_close(convolve(x).span<float>(), expected.span<float>(), 0, 0));
  Rng rng(9, RngPurpose::synthetic);
  EXPECT_FALSE(quantize(level_table(1, 5, CodeAlphabet::zero_one, rng)).codes().defined());
}

TEST(BitConv2dAutogradTest, MaxPoolingKeepsLevels) {
  const Operands operands({.x = {2, 4, 4, 8}, .weight = {4, 3, 3, 8}});
  const Variable pooled = autograd::max_pool(operands.quantized_x, {});
  EXPECT_EQ(pooled.levels(), operands.quantized_x.levels());
  EXPECT_EQ(operation_of(bit_conv2d(pooled, operands.quantized_weight, {}, {})), "bit_conv2d");
}

}  // namespace
}  // namespace lq::testing
