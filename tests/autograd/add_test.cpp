#include "autograd/add.h"

#include "autograd/relu.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

using autograd::add;

TEST(AddTapeTest, GradientOfBothInputs) {
  EXPECT_TRUE(tape_gradients_match([](const auto& in) { return add(in[0], in[1]); },
                                   {random_normal({2, 3, 5}, 1), random_normal({2, 3, 5}, 2)}));
}

TEST(AddTapeTest, VariablePlusItself) {
  EXPECT_TRUE(tape_gradients_match([](const auto& in) { return add(in[0], in[0]); },
                                   {random_normal({7}, 1)}));
}

TEST(AddTapeTest, HandsTheGradientOnWithoutACopy) {
  Variable a(Tensor::zeros({4}), true);
  Variable b(Tensor::zeros({4}), true);
  const Tensor gradient = random_normal({4}, 1);
  add(a, b).backward(gradient);
  EXPECT_EQ(a.gradient().raw(), gradient.raw());
  EXPECT_EQ(b.gradient().raw(), gradient.raw());
}

// Who adds to a gradient that others look at gets one of his own first.
TEST(AddTapeTest, SharedGradientsAreNeverWritten) {
  Variable a(Tensor::full({3}, 1.0F), true);
  Variable b(Tensor::full({3}, 1.0F), true);
  const Tensor gradient = Tensor::full({3}, 1.0F);
  add(a, b).backward(gradient);
  add(a, a).backward(gradient);
  autograd::relu(a).backward(gradient);
  EXPECT_TRUE(all_close(gradient.span<float>(), std::vector<float>(3, 1.0F), 0, 0));
  EXPECT_TRUE(all_close(a.gradient().span<float>(), std::vector<float>(3, 4.0F), 0, 0));
  EXPECT_TRUE(all_close(b.gradient().span<float>(), std::vector<float>(3, 1.0F), 0, 0));
}

// Within one pass: y = a + b hands its gradient to both, though a already shares another one.
TEST(AddTapeTest, SharedGradientsWithinOnePass) {
  Variable a(Tensor::full({3}, 1.0F), true);
  Variable b(Tensor::full({3}, 1.0F), true);
  const Tensor gradient = Tensor::full({3}, 1.0F);
  add(add(a, b), a).backward(gradient);
  EXPECT_TRUE(all_close(gradient.span<float>(), std::vector<float>(3, 1.0F), 0, 0));
  EXPECT_TRUE(all_close(a.gradient().span<float>(), std::vector<float>(3, 2.0F), 0, 0));
  EXPECT_TRUE(all_close(b.gradient().span<float>(), std::vector<float>(3, 1.0F), 0, 0));
}

TEST(AddTapeTest, Record) {
  const Variable x(Tensor::zeros({2}), true);
  const Variable y = add(x, x);
  EXPECT_EQ(y.slot()->creator->operation, "add");
  EXPECT_EQ(y.slot()->creator->inputs.size(), 2U);
}

TEST(AddTapeTest, RefusesOtherShapes) {
  const Variable a(Tensor::zeros({2, 3}));
  const Variable b(Tensor::zeros({3, 2}));
  EXPECT_TRUE(throws_error([&] { add(a, b); }, "b is 3x2, expected 2x3"));
}

}  // namespace
}  // namespace lq::testing
