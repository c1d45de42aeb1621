#include "autograd/relu.h"

#include "tests/support/compare.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

TEST(ReluTapeTest, Gradient) {
  EXPECT_TRUE(tape_gradients_match([](const auto& in) { return autograd::relu(in[0]); },
                                   {well_separated({2, 3, 2, 5}, 1)}));
}

TEST(ReluTapeTest, AddsToAGradientThatIsThere) {
  Variable x(Tensor::from<float>(std::vector<float>{-1, 2, 0, 3}, {4}), true);
  const Tensor gradient = Tensor::from<float>(std::vector<float>{1, 10, 100, 1000}, {4});
  autograd::relu(x).backward(gradient);
  autograd::relu(x).backward(gradient);
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector<float>{0, 20, 0, 2000}, 0, 0));
}

TEST(ReluTapeTest, Record) {
  const Variable x(Tensor::zeros({2}), true);
  const Variable y = autograd::relu(x);
  EXPECT_EQ(y.slot()->creator->operation, "relu");
  EXPECT_TRUE(y.slot()->creator->attributes.empty());
}

}  // namespace
}  // namespace lq::testing
