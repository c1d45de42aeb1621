#include "autograd/channel_pad.h"

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

using autograd::channel_pad;

TEST(ChannelPadTapeTest, Gradient) {
  EXPECT_TRUE(tape_gradients_match(
      [](const auto& in) { return channel_pad(in[0], {.before = 2, .after = 1}); },
      {random_normal({2, 3, 2, 5}, 1)}));
}

TEST(ChannelPadTapeTest, AddsToAGradientThatIsThere) {
  Variable x(Tensor::zeros({1, 2}), true);
  const Tensor gradient = Tensor::from<float>(std::vector<float>{1, 2, 3}, {1, 3});
  channel_pad(x, {.before = 1}).backward(gradient);
  channel_pad(x, {.after = 1}).backward(gradient);
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector<float>{3, 5}, 0, 0));
}

TEST(ChannelPadTapeTest, Record) {
  const Variable x(Tensor::zeros({1, 2, 2, 4}), true);
  const Variable y = channel_pad(x, {.before = 2, .after = 3});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 2, 9}));
  EXPECT_EQ(y.slot()->creator->operation, "channel_pad");
  EXPECT_EQ(attribute<std::int64_t>(y, "before"), 2);
  EXPECT_EQ(attribute<std::int64_t>(y, "after"), 3);
}

TEST(ChannelPadTapeTest, RefusesNegativeNumbers) {
  EXPECT_TRUE(throws_error(
      [] {
        channel_pad(Variable(Tensor::zeros({1, 4})), {.after = -1});
      },
      "channel_pad: 0 channels before and -1 after"));
}

}  // namespace
}  // namespace lq::testing
