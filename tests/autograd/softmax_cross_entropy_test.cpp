#include "autograd/softmax_cross_entropy.h"

#include <vector>

#include "autograd/linear.h"
#include "kernels/linear/linear.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using autograd::linear;
using autograd::softmax_cross_entropy;
using autograd::Variable;

Tensor labels() { return Tensor::from(std::vector<std::int32_t>{3, 0, 1}, {3}); }

/// The oracle's loss in double.
double reference_loss(const std::vector<double>& logits, const Shape& shape) {
  std::vector<double> probabilities(logits.size());
  double loss = 0.0;
  kernels::reference::softmax_cross_entropy_forward_loops<double>(
      view_of(logits, shape), labels().view<std::int32_t>(), view_of(probabilities, shape),
      {&loss, {}});
  return loss;
}

TEST(SoftmaxCrossEntropyAutogradTest, GradientMatchesCentralDifferences) {
  Variable logits(random_normal({3, 4}, 1), true);
  Variable loss = softmax_cross_entropy(logits, labels());
  EXPECT_EQ(loss.shape(), Shape{});
  EXPECT_NEAR(loss.value().span<float>()[0], reference_loss(to_double(logits.value()), {3, 4}),
              1e-6);
  loss.backward();
  // Probabilities are good to some float epsilons.
  EXPECT_TRUE(gradient_matches(
      [](const auto& v) {
        return reference_loss(v, {3, 4});
      },
      to_double(logits.value()), to_double(logits.gradient()), {.step = 1e-5, .tolerance = 1e-6}));
}

TEST(SoftmaxCrossEntropyAutogradTest, GradientGoesOnThroughALinearLayer) {
  const Variable x(random_normal({3, 5}, 1));
  Variable weight(random_normal({4, 5}, 2), true);
  const Variable logits = linear(x, weight, {});
  softmax_cross_entropy(logits, labels()).backward();
  const auto loss_of = [&](const std::vector<double>& weights) {
    std::vector<double> y(12);
    const auto xs = to_double(x.value());
    kernels::reference::linear_forward_loops<double>(view_of(xs, {3, 5}), view_of(weights, {4, 5}),
                                                     {}, view_of(y, {3, 4}));
    return reference_loss(y, {3, 4});
  };
  EXPECT_TRUE(gradient_matches(loss_of, to_double(weight.value()), to_double(weight.gradient()),
                               {.step = 1e-5, .tolerance = 2e-6}));
}

TEST(SoftmaxCrossEntropyAutogradTest, BackwardStartsFromAnyFactor) {
  Variable once(random_normal({3, 4}, 1), true), scaled(random_normal({3, 4}, 1), true);
  softmax_cross_entropy(once, labels()).backward();
  softmax_cross_entropy(scaled, labels()).backward(Tensor::full(Shape{}, 4.0F));
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(scaled.gradient().span<float>()[i], 4 * once.gradient().span<float>()[i]);
  }
}

TEST(SoftmaxCrossEntropyAutogradTest, RefusesLabelsOutOfRange) {
  const Variable logits(random_normal({3, 3}, 1));
  EXPECT_TRUE(throws_error([&] { softmax_cross_entropy(logits, labels()); },
                           "label 3 of sample 0, expected 0 to 2"));
}

}  // namespace
}  // namespace lq::testing
