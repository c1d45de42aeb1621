#include "autograd/conv2d.h"

#include <vector>

#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using autograd::Attributes;
using autograd::conv2d;
using autograd::Conv2dOptions;
using autograd::Padding;
using autograd::RecordMode;
using autograd::RecordModeScope;
using autograd::Variable;
using kernels::Conv2dGeometry;

/// Float gradients of some ten to a hundred products of standard normals against differences in
/// double: the rounding of the sums, not of the differences.
constexpr GradientCheckOptions float_gradient{.step = 1e-5, .tolerance = 2e-5};

Variable parameter(const Shape& shape, std::uint64_t seed) {
  return Variable(random_normal(shape, seed), true);
}

/// The oracle's output in double.
std::vector<double> reference_conv2d(const Conv2dGeometry& geometry, const std::vector<double>& x,
                                     const std::vector<double>& weight,
                                     const std::vector<double>& bias) {
  std::vector<double> y(static_cast<std::size_t>(geometry.y_shape().elements()));
  ConstView<double> bias_view;
  if (!bias.empty()) bias_view = view_of(bias, geometry.bias_shape());
  kernels::reference::conv2d_forward_loops<double>(geometry, view_of(x, geometry.x_shape()),
                                                   view_of(weight, geometry.weight_shape()),
                                                   bias_view, view_of(y, geometry.y_shape()));
  return y;
}

TEST(Conv2dAutogradTest, GradientsMatchCentralDifferences) {
  const Conv2dOptions options{.stride_h = 2, .groups = 2};
  Variable x = parameter({2, 5, 4, 6}, 1);
  Variable weight = parameter({4, 3, 3, 3}, 2);
  Variable bias = parameter({4}, 3);
  const auto geometry = kernels::conv2d_geometry(x.shape(), weight.shape(), options);
  const Tensor grad_y = random_normal(geometry.y_shape(), 4);
  conv2d(x, weight, bias, options).backward(grad_y);

  const auto xs = to_double(x.value()), weights = to_double(weight.value()),
             biases = to_double(bias.value()), seed = to_double(grad_y);
  const auto loss = [&](const auto& x_, const auto& weight_, const auto& bias_) {
    return weighted_sum(seed, reference_conv2d(geometry, x_, weight_, bias_));
  };
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(v, weights, biases); }, xs,
                               to_double(x.gradient()), float_gradient));
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(xs, v, biases); }, weights,
                               to_double(weight.gradient()), float_gradient));
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(xs, weights, v); }, biases,
                               to_double(bias.gradient()), float_gradient));
}

TEST(Conv2dAutogradTest, GradientsOfWhatIsUsedTwiceAddUp) {
  // x and the weight both take part twice: y = conv(conv(x)) + conv(x), by two backward walks.
  Variable x = parameter({1, 4, 5, 3}, 1);
  Variable weight = parameter({3, 3, 3, 3}, 2);
  const auto geometry = kernels::conv2d_geometry(x.shape(), weight.shape(), {});
  const Tensor grad_twice = random_normal(geometry.y_shape(), 3, 0.0, 0.2);
  const Tensor grad_once = random_normal(geometry.y_shape(), 4, 0.0, 0.2);
  conv2d(conv2d(x, weight, {}, {}), weight, {}, {}).backward(grad_twice);
  conv2d(x, weight, {}, {}).backward(grad_once);

  const auto loss = [&](const std::vector<double>& xs, const std::vector<double>& weights) {
    const auto once = reference_conv2d(geometry, xs, weights, {});
    const auto twice = reference_conv2d(geometry, once, weights, {});
    return weighted_sum(to_double(grad_twice), twice) + weighted_sum(to_double(grad_once), once);
  };
  const auto xs = to_double(x.value()), weights = to_double(weight.value());
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(v, weights); }, xs,
                               to_double(x.gradient()), float_gradient));
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(xs, v); }, weights,
                               to_double(weight.gradient()), float_gradient));
}

TEST(Conv2dAutogradTest, OnlyWantedGradientsAreMade) {
  Variable image(random_normal({1, 4, 4, 3}, 1));
  Variable weight = parameter({2, 3, 3, 3}, 2);
  Variable y = conv2d(image, weight, {}, {});
  y.backward(random_normal(y.shape(), 3));
  EXPECT_FALSE(image.has_gradient());
  EXPECT_TRUE(weight.has_gradient());
}

TEST(Conv2dAutogradTest, SavesOnlyWhatAGradientNeeds) {
  Variable x = parameter({1, 4, 4, 3}, 1);
  Variable frozen(random_normal({2, 3, 3, 3}, 2));
  const Variable y = conv2d(x, frozen, {}, {});
  EXPECT_FALSE(x.value().is_shared());
  EXPECT_TRUE(frozen.value().is_shared());
}

TEST(Conv2dAutogradTest, RecordTellsGeometryAndExtraAttributes) {
  const RecordModeScope trace(RecordMode::trace);
  const Variable x(random_normal({1, 32, 32, 4}, 1));
  const Variable weight(random_normal({6, 3, 5, 2}, 2));
  const Variable bias(random_normal({6}, 3));
  const Conv2dOptions options{.stride_h = 2, .stride_w = 1, .groups = 2};
  const Variable y = conv2d(x, weight, bias, options, {{"w_bits", std::int64_t{2}}});
  const auto records = autograd::records_of(y);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]->operation, "conv2d");
  EXPECT_EQ(records[0]->inputs.size(), 3U);
  EXPECT_EQ(y.shape(), (Shape{1, 16, 32, 6}));
  using Integers = std::vector<std::int64_t>;
  const Attributes expected{{"kernel", Integers{3, 5}},
                            {"stride", Integers{2, 1}},
                            {"padding", Integers{0, 1, 2, 2}},
                            {"groups", std::int64_t{2}},
                            {"w_bits", std::int64_t{2}}};
  EXPECT_EQ(records[0]->attributes, expected);
}

TEST(Conv2dAutogradTest, RefusesABiasOfAnotherSize) {
  const Variable x(random_normal({1, 4, 4, 3}, 1)), weight(random_normal({2, 3, 3, 3}, 2)),
      bias(random_normal({3}, 3));
  EXPECT_TRUE(throws_error([&] { conv2d(x, weight, bias, {}); }, "bias is 3, expected 2"));
}

}  // namespace
}  // namespace lq::testing
