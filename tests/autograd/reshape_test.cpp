#include "autograd/reshape.h"

#include "autograd/add.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

using autograd::reshape;

TEST(ReshapeTapeTest, Gradient) {
  EXPECT_TRUE(tape_gradients_match(
      [](const auto& in) {
        return reshape(in[0], {6, 5});
      },
      {random_normal({2, 3, 5}, 1)}));
}

TEST(ReshapeTapeTest, SharesValueAndGradient) {
  Variable x(random_normal({2, 3}, 1), true);
  Variable y = reshape(x, {6});
  EXPECT_EQ(y.value().raw(), x.value().raw());
  const Tensor gradient = random_normal({6}, 2);
  y.backward(gradient);
  EXPECT_EQ(x.gradient().raw(), gradient.raw());
  EXPECT_EQ(x.gradient().shape(), x.shape());
}

// The storage is shared under another shape; adding must still not write to it.
TEST(ReshapeTapeTest, SharedGradientIsNeverWritten) {
  Variable x(random_normal({2, 3}, 1), true);
  const Tensor gradient = Tensor::full({6}, 1.0F);
  reshape(x, {6}).backward(gradient);
  const Variable flat = reshape(x, {6});
  autograd::add(flat, flat).backward(gradient);
  EXPECT_TRUE(all_close(gradient.span<float>(), std::vector<float>(6, 1.0F), 0, 0));
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector<float>(6, 3.0F), 0, 0));
}

TEST(ReshapeTapeTest, Record) {
  const Variable x(Tensor::zeros({2, 3}), true);
  const Variable y = reshape(x, {3, 2});
  EXPECT_EQ(y.slot()->creator->operation, "reshape");
  EXPECT_EQ(attribute<std::vector<std::int64_t>>(y, "shape"), (std::vector<std::int64_t>{3, 2}));
}

TEST(ReshapeTapeTest, RefusesAnotherNumberOfElements) {
  EXPECT_TRUE(throws_error(
      [] {
        reshape(Variable(Tensor::zeros({2, 3})), {5});
      },
      "reshape: 2x3 has 6 elements, 5 has 5"));
}

}  // namespace
}  // namespace lq::testing
