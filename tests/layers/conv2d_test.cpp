#include "layers/conv2d.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

const Quantization two_bits{.kind = "lq", .w_bits = 2, .a_bits = 2};

/// Sum of the squares of the values over their number.
double mean_square(const Tensor& tensor) {
  double sum = 0;
  for (const float value : tensor.span<float>()) sum += std::pow(static_cast<double>(value), 2);
  return sum / static_cast<double>(tensor.elements());
}

TEST(Conv2dLayerTest, ConvolvesWithItsParameters) {
  Conv2d layer({.in = 4,
                .out = 6,
                .kernel = 3,
                .options = {.stride_h = 2, .stride_w = 1, .groups = 2},
                .bias = true});
  layer.initialize(1);
  layer.parameters()[1].variable.value().copy_from(random_normal({6}, 2));
  ASSERT_EQ(layer.weight().shape(), (Shape{6, 3, 3, 2}));
  const Variable x(random_normal({2, 7, 5, 4}, 3));
  const Variable y = layer(x);
  const Variable expected = autograd::conv2d(x, layer.weight(), layer.parameters()[1].variable,
                                             {.stride_h = 2, .stride_w = 1, .groups = 2});
  EXPECT_TRUE(all_close(y.value().span<float>(), expected.value().span<float>(), 0, 0));
}

TEST(Conv2dLayerTest, ParametersAndTheirDecay) {
  const Conv2d layer({.in = 3, .out = 5, .kernel = 1, .bias = true});
  const auto parameters = layer.parameters();
  ASSERT_EQ(parameters.size(), 2U);
  EXPECT_EQ(parameters[0].name, "weight");
  EXPECT_TRUE(parameters[0].decay);
  EXPECT_EQ(parameters[1].name, "bias");
  EXPECT_FALSE(parameters[1].decay);
  EXPECT_EQ(Conv2d({.in = 3, .out = 5}).parameters().size(), 1U);
}

TEST(Conv2dLayerTest, StridedIsTheSameWithAnotherStride) {
  const Conv2dSpec spec = Conv2dSpec{.in = 3, .out = 5, .fan = Fan::in}.strided(2);
  EXPECT_EQ(spec.options.stride_h, 2);
  EXPECT_EQ(spec.options.stride_w, 2);
  EXPECT_EQ(spec.in, 3);
  EXPECT_EQ(spec.fan, Fan::in);
}

TEST(Conv2dLayerTest, InitialDeviationFollowsTheFan) {
  Conv2d out({.in = 32, .out = 128, .fan = Fan::out}), in({.in = 32, .out = 128, .fan = Fan::in});
  Conv2d grouped({.in = 128, .out = 128, .options = {.groups = 4}, .fan = Fan::in});
  for (Conv2d* layer : {&out, &in, &grouped}) layer->initialize(1);
  // 36864 weights: the mean square is known to about half a percent (one standard error).
  EXPECT_NEAR(mean_square(out.weight().value()) * 9 * 128 / 2, 1.0, 0.03);
  EXPECT_NEAR(mean_square(in.weight().value()) * 9 * 32 / 2, 1.0, 0.03);
  EXPECT_NEAR(mean_square(grouped.weight().value()) * 9 * 32 / 2, 1.0, 0.03);
}

TEST(Conv2dLayerTest, AnotherInitializerTakesThePlaceOfTheFans) {
  Conv2d layer({.in = 32, .out = 128, .initializer = Initializer::normal(0.25)});
  layer.initialize(1);
  EXPECT_NEAR(mean_square(layer.weight().value()) / (0.25 * 0.25), 1.0, 0.04);
}

TEST(Conv2dLayerTest, WindowsNeedNotBeSquare) {
  Conv2d layer({.in = 64,
                .out = 128,
                .kernel = 2,
                .kernel_w = 3,
                .options = {.padding = autograd::Padding::valid()},
                .fan = Fan::in});
  EXPECT_EQ(layer.weight().shape(), (Shape{128, 2, 3, 64}));
  EXPECT_EQ(layer(Variable(Tensor::zeros({1, 2, 3, 64}))).shape(), (Shape{1, 1, 1, 128}));
  layer.initialize(1);
  EXPECT_NEAR(mean_square(layer.weight().value()) * 6 * 64 / 2, 1.0, 0.03);
}

TEST(Conv2dLayerTest, RefusesAnotherNumberOfChannels) {
  Conv2d layer({.in = 3, .out = 5});
  EXPECT_TRUE(throws_error([&] { layer(Variable(Tensor::zeros({1, 4, 4, 2}))); }, "conv2d"));
}

TEST(QuantConv2dTest, ConvolvesWithQuantizedWeights) {
  QuantConv2d layer({.in = 5, .out = 7}, two_bits);
  layer.initialize(1);
  const Variable x(random_normal({2, 4, 4, 5}, 2));
  // The basis that this step uses is that before the step.
  const LevelTable table = layer.quantizer()->table(layer.weight().value());
  Tensor quantized(layer.weight().shape());
  for (std::int64_t i = 0; i < quantized.elements(); ++i) {
    const std::int64_t row = i / (9 * 5);
    const auto levels = table.levels.slice(row, row + 1).span<float>();
    const float weight = layer.weight().value().data<float>()[i];
    quantized.data<float>()[i] = *std::ranges::min_element(
        levels, {}, [weight](float level) { return std::abs(weight - level); });
  }
  const Variable expected = autograd::conv2d(x, Variable(quantized), {}, {});
  EXPECT_TRUE(all_close(layer(x).value().span<float>(), expected.value().span<float>(), 0, 0));
}

TEST(QuantConv2dTest, LatentWeightsGetTheGradientOfTheQuantizedOnes) {
  QuantConv2d layer({.in = 3, .out = 4}, two_bits);
  layer.initialize(1);
  layer.eval();
  const Variable x(random_normal({2, 5, 5, 3}, 2));
  Variable y = layer(x);
  const Tensor grad_y = random_normal(y.shape(), 3);
  y.backward(grad_y);

  // The gradient of a convolution's weights does not depend on the weights.
  Variable weight(layer.weight().value().clone(), true);
  autograd::conv2d(x, weight, {}, {}).backward(grad_y);
  EXPECT_TRUE(
      all_close(layer.weight().gradient().span<float>(), weight.gradient().span<float>(), 0, 0));
}

TEST(QuantConv2dTest, ThirtyTwoBitsAreAPlainConvolution) {
  QuantConv2d layer({.in = 3, .out = 4}, {.w_bits = 32, .a_bits = 2});
  Conv2d plain({.in = 3, .out = 4});
  layer.initialize(1);
  plain.initialize(1);
  EXPECT_EQ(layer.quantizer(), nullptr);
  EXPECT_TRUE(layer.buffers().empty());
  const Variable x(random_normal({2, 5, 5, 3}, 2));
  EXPECT_TRUE(all_close(layer(x).value().span<float>(), plain(x).value().span<float>(), 0, 0));
}

TEST(QuantConv2dTest, HasTheQuantizerAsItsChild) {
  const QuantConv2d layer({.in = 3, .out = 4}, two_bits);
  std::vector<std::string> names;
  for (const Buffer& buffer : layer.buffers()) names.push_back(buffer.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"quant.basis", "quant.basis_biased", "quant.basis_step"}));
  EXPECT_EQ(layer.buffers()[0].tensor.shape(), (Shape{4, 2}));
}

TEST(QuantConv2dTest, NonFiniteWeightsAreNamedWithTheirPath) {
  for (const bool training : {true, false}) {
    QuantConv2d layer({.in = 3, .out = 4}, two_bits);
    layer.initialize(1);
    layer.train(training);
    layer.parameters()[0].variable.value().span<float>()[5] =
        std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(throws_error(
        [&] {
          layer(Variable(Tensor::zeros({1, 4, 4, 3})));
        },
        "quant: quantizer input has NaN or infinite values"));
  }
}

}  // namespace
}  // namespace lq::testing
