#include "autograd/concat.h"

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

using autograd::concat;

TEST(ConcatTapeTest, GradientOfEveryInput) {
  EXPECT_TRUE(tape_gradients_match([](const auto& in) { return concat(in); },
                                   {random_normal({2, 3, 1, 2}, 1), random_normal({2, 3, 1, 5}, 2),
                                    random_normal({2, 3, 1, 1}, 3)}));
}

TEST(ConcatTapeTest, OneInputTwice) {
  EXPECT_TRUE(tape_gradients_match(
      [](const auto& in) {
        return concat(std::vector<Variable>{in[0], in[1], in[0]});
      },
      {random_normal({2, 3}, 1), random_normal({2, 1}, 2)}));
}

TEST(ConcatTapeTest, LeavesUnwantedInputsAlone) {
  Variable a(Tensor::zeros({1, 1, 1, 2}));
  Variable b(Tensor::zeros({1, 1, 1, 2}), true);
  Variable y = concat(std::vector<Variable>{a, b});
  y.backward(Tensor::from<float>(std::vector<float>{1, 2, 3, 4}, y.shape()));
  EXPECT_FALSE(a.has_gradient());
  EXPECT_TRUE(all_close(b.gradient().span<float>(), std::vector<float>{3, 4}, 0, 0));
}

TEST(ConcatTapeTest, Record) {
  const Variable x(Tensor::zeros({1, 2, 2, 3}), true);
  const Variable y = concat(std::vector<Variable>{x, x});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 2, 6}));
  EXPECT_EQ(y.slot()->creator->operation, "concat");
  EXPECT_EQ(y.slot()->creator->inputs.size(), 2U);
}

TEST(ConcatTapeTest, RefusesWhatDoesNotFit) {
  const Variable a(Tensor::zeros({1, 2, 2, 3}));
  const Variable b(Tensor::zeros({1, 2, 3}));
  const Variable scalar(Tensor::zeros({}));
  EXPECT_TRUE(throws_error([] { concat({}); }, "concat: no inputs"));
  EXPECT_TRUE(throws_error([&] { concat(std::vector<Variable>{a, scalar}); }, "is a scalar"));
  EXPECT_TRUE(throws_error(
      [&] {
        concat(std::vector<Variable>{a, b});
      },
      "input 1x2x3 for output 1x2x2x6"));
}

}  // namespace
}  // namespace lq::testing
