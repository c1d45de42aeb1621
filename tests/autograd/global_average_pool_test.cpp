#include "autograd/global_average_pool.h"

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

using autograd::global_average_pool;

TEST(GlobalAveragePoolTapeTest, Gradient) {
  EXPECT_TRUE(tape_gradients_match([](const auto& in) { return global_average_pool(in[0]); },
                                   {random_normal({2, 4, 5, 3}, 1)}));
}

TEST(GlobalAveragePoolTapeTest, AddsToAGradientThatIsThere) {
  Variable x(Tensor::zeros({1, 2, 2, 1}), true);
  global_average_pool(x).backward();
  global_average_pool(x).backward();
  EXPECT_TRUE(
      all_close(x.gradient().span<float>(), std::vector<float>{0.5F, 0.5F, 0.5F, 0.5F}, 0, 0));
}

TEST(GlobalAveragePoolTapeTest, RecordAndShape) {
  const Variable x(Tensor::zeros({3, 2, 4, 5}), true);
  const Variable y = global_average_pool(x);
  EXPECT_EQ(y.shape(), (Shape{3, 5}));
  EXPECT_EQ(y.slot()->creator->operation, "global_average_pool");
  EXPECT_TRUE(y.slot()->creator->attributes.empty());
}

TEST(GlobalAveragePoolTapeTest, RefusesOtherRanks) {
  EXPECT_TRUE(throws_error(
      [] {
        global_average_pool(Variable(Tensor::zeros({4, 4})));
      },
      "global_average_pool: x is 4x4, expected N H W C"));
}

}  // namespace
}  // namespace lq::testing
