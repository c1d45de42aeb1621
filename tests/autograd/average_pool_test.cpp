#include "autograd/average_pool.h"

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

using autograd::average_pool;
using autograd::Padding;
using autograd::PoolOptions;

TEST(AveragePoolTapeTest, Gradient) {
  for (const PoolOptions& options :
       {PoolOptions{2, 2}, PoolOptions{3, 2, Padding::same()}, PoolOptions{2, 3}}) {
    EXPECT_TRUE(tape_gradients_match([&](const auto& in) { return average_pool(in[0], options); },
                                     {random_normal({2, 4, 5, 3}, 1)}));
  }
}

TEST(AveragePoolTapeTest, AddsToAGradientThatIsThere) {
  Variable x(Tensor::zeros({1, 2, 2, 1}), true);
  average_pool(x, {}).backward();
  average_pool(x, {}).backward();
  EXPECT_TRUE(
      all_close(x.gradient().span<float>(), std::vector<float>{0.5F, 0.5F, 0.5F, 0.5F}, 0, 0));
}

TEST(AveragePoolTapeTest, RecordHasResolvedPadding) {
  const Variable x(Tensor::zeros({1, 5, 4, 2}), true);
  const Variable y = average_pool(x, {3, 2, Padding::same()});
  EXPECT_EQ(y.shape(), (Shape{1, 3, 2, 2}));
  EXPECT_EQ(y.slot()->creator->operation, "average_pool");
  EXPECT_EQ(attribute<std::int64_t>(y, "kernel"), 3);
  EXPECT_EQ(attribute<std::int64_t>(y, "stride"), 2);
  EXPECT_EQ(attribute<std::vector<std::int64_t>>(y, "padding"),
            (std::vector<std::int64_t>{1, 1, 0, 1}));
}

TEST(AveragePoolTapeTest, RefusesAWindowThatDoesNotFit) {
  EXPECT_TRUE(throws_error(
      [] {
        average_pool(Variable(Tensor::zeros({1, 1, 1, 1})), {});
      },
      "average_pool: kernel 2 does not fit into height 1"));
}

}  // namespace
}  // namespace lq::testing
