#include "autograd/max_pool.h"

#include "core/device.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

using autograd::max_pool;
using autograd::Padding;
using autograd::PoolOptions;

TEST(MaxPoolTapeTest, Gradient) {
  for (const PoolOptions& options :
       {PoolOptions{2, 2}, PoolOptions{3, 2, Padding::same()}, PoolOptions{1, 2}}) {
    EXPECT_TRUE(tape_gradients_match([&](const auto& in) { return max_pool(in[0], options); },
                                     {well_separated({2, 4, 5, 3}, 1)}));
  }
}

TEST(MaxPoolTapeTest, AddsToAGradientThatIsThere) {
  Variable x(Tensor::from<float>(std::vector<float>{4, 2, 3, 1}, {1, 2, 2, 1}), true);
  max_pool(x, {}).backward();
  max_pool(x, {}).backward();
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector<float>{2, 0, 0, 0}, 0, 0));
}

TEST(MaxPoolTapeTest, RecordHasResolvedPadding) {
  const Variable x(Tensor::zeros({1, 4, 5, 2}), true);
  const Variable y = max_pool(x, {3, 2, Padding::same()});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 3, 2}));
  EXPECT_EQ(y.slot()->creator->operation, "max_pool");
  EXPECT_EQ(attribute<std::int64_t>(y, "kernel"), 3);
  EXPECT_EQ(attribute<std::int64_t>(y, "stride"), 2);
  EXPECT_EQ(attribute<std::vector<std::int64_t>>(y, "padding"),
            (std::vector<std::int64_t>{0, 1, 1, 1}));
}

// The output, and one byte per element of it only when a backward pass may come.
TEST(MaxPoolTapeTest, SavesABytePerElementAndOnlyForTraining) {
  const Variable x(Tensor::zeros({1, 64, 64, 64}), true);
  const std::size_t before = device_memory({}).use().bytes;
  const std::size_t output_bytes = x.value().bytes() / 4;
  {
    const Variable y = max_pool(x, {});
    EXPECT_EQ(device_memory({}).use().bytes - before, output_bytes + output_bytes / 4);
  }
  {
    const autograd::NoGradScope no_grad;
    const Variable y = max_pool(x, {});
    EXPECT_EQ(device_memory({}).use().bytes - before, output_bytes);
  }
}

TEST(MaxPoolTapeTest, RefusesOtherRanks) {
  EXPECT_TRUE(throws_error(
      [] {
        max_pool(Variable(Tensor::zeros({4, 4})), {});
      },
      "max_pool: x is 4x4, expected N H W C"));
}

}  // namespace
}  // namespace lq::testing
