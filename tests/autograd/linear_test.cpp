#include "autograd/linear.h"

#include <vector>

#include "kernels/linear/linear.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using autograd::linear;
using autograd::RecordMode;
using autograd::RecordModeScope;
using autograd::Variable;

/// Float gradients of a few products of standard normals against differences in double.
constexpr GradientCheckOptions float_gradient{.step = 1e-5, .tolerance = 5e-6};

Variable parameter(const Shape& shape, std::uint64_t seed) {
  return Variable(random_normal(shape, seed), true);
}

TEST(LinearAutogradTest, GradientsMatchCentralDifferences) {
  Variable x = parameter({3, 5}, 1), weight = parameter({4, 5}, 2), bias = parameter({4}, 3);
  // Two walks with different gradients: the second adds to the first.
  const Tensor first = random_normal({3, 4}, 4), second = random_normal({3, 4}, 5);
  linear(x, weight, bias).backward(first);
  linear(x, weight, bias).backward(second);

  const auto xs = to_double(x.value()), weights = to_double(weight.value()),
             biases = to_double(bias.value());
  const auto loss = [&](const auto& x_, const auto& weight_, const auto& bias_) {
    std::vector<double> y(12);
    kernels::reference::linear_forward_loops<double>(view_of(x_, {3, 5}), view_of(weight_, {4, 5}),
                                                     view_of(bias_, {4}), view_of(y, {3, 4}));
    return weighted_sum(to_double(first), y) + weighted_sum(to_double(second), y);
  };
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(v, weights, biases); }, xs,
                               to_double(x.gradient()), float_gradient));
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(xs, v, biases); }, weights,
                               to_double(weight.gradient()), float_gradient));
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(xs, weights, v); }, biases,
                               to_double(bias.gradient()), float_gradient));
}

TEST(LinearAutogradTest, WorksWithoutBiasAndWithFrozenInputs) {
  Variable x(random_normal({3, 5}, 1)), weight = parameter({4, 5}, 2);
  Variable y = linear(x, weight, {});
  y.backward(random_normal({3, 4}, 3));
  EXPECT_FALSE(x.has_gradient());
  EXPECT_TRUE(weight.has_gradient());
}

TEST(LinearAutogradTest, SavesOnlyWhatAGradientNeeds) {
  Variable x = parameter({3, 5}, 1);
  Variable frozen(random_normal({4, 5}, 2));
  const Variable y = linear(x, frozen, {});
  EXPECT_FALSE(x.value().is_shared());
  EXPECT_TRUE(frozen.value().is_shared());
}

TEST(LinearAutogradTest, LeavesARecord) {
  const RecordModeScope trace(RecordMode::trace);
  const Variable x(random_normal({3, 5}, 1)), weight(random_normal({4, 5}, 2));
  const auto records = autograd::records_of(linear(x, weight, {}, {{"w_bits", std::int64_t{1}}}));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]->operation, "linear");
  EXPECT_EQ(records[0]->inputs.size(), 2U);
  EXPECT_EQ(records[0]->attributes, (autograd::Attributes{{"w_bits", std::int64_t{1}}}));
}

TEST(LinearAutogradTest, RefusesMapsAndOtherWidths) {
  const Variable map(random_normal({1, 2, 2, 5}, 1)), narrow(random_normal({3, 4}, 1)),
      weight(random_normal({4, 5}, 2));
  EXPECT_TRUE(throws_error([&] { linear(map, weight, {}); }, "linear: x 1x2x2x5"));
  EXPECT_TRUE(throws_error([&] { linear(narrow, weight, {}); }, "x is 3x4, expected 3x5"));
}

}  // namespace
}  // namespace lq::testing
