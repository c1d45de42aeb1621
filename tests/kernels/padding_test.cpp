#include "kernels/common/padding.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using kernels::AxisPadding;
using kernels::Padding;
using kernels::PlaneAxis;
using kernels::resolve;

AxisPadding same(std::int64_t in, std::int64_t kernel, std::int64_t stride) {
  return resolve("test", Padding::same(), PlaneAxis::height, in, kernel, stride);
}

TEST(PaddingTest, SameOfTheNetworksOfThePaper) {
  EXPECT_EQ(same(224, 7, 2), (AxisPadding{2, 3, 112}));
  EXPECT_EQ(same(112, 3, 2), (AxisPadding{0, 1, 56}));
  EXPECT_EQ(same(56, 3, 2), (AxisPadding{0, 1, 28}));
  EXPECT_EQ(same(32, 3, 1), (AxisPadding{1, 1, 32}));
  EXPECT_EQ(same(5, 1, 2), (AxisPadding{0, 0, 3}));
  EXPECT_EQ(same(1, 3, 1), (AxisPadding{1, 1, 1}));
}

TEST(PaddingTest, SameIsTheLeastThatHoldsAllWindows) {
  for (std::int64_t in = 1; in <= 20; ++in) {
    for (std::int64_t kernel = 1; kernel <= 8; ++kernel) {
      for (std::int64_t stride = 1; stride <= 5; ++stride) {
        std::int64_t windows = 0;  // one at every stride-th position of the axis
        for (std::int64_t start = 0; start < in; start += stride) ++windows;
        std::int64_t total = 0;
        while ((windows - 1) * stride + kernel > in + total) ++total;
        const AxisPadding resolved = same(in, kernel, stride);
        EXPECT_EQ(resolved.out, windows);
        EXPECT_EQ(resolved.before + resolved.after, total);
        EXPECT_TRUE(resolved.after == resolved.before || resolved.after == resolved.before + 1);
      }
    }
  }
}

TEST(PaddingTest, ValidCountsWholeWindows) {
  const auto valid = [](std::int64_t in, std::int64_t kernel, std::int64_t stride) {
    return resolve("test", Padding::valid(), PlaneAxis::width, in, kernel, stride);
  };
  EXPECT_EQ(valid(10, 3, 2), (AxisPadding{0, 0, 4}));
  EXPECT_EQ(valid(11, 3, 2), (AxisPadding{0, 0, 5}));
  EXPECT_EQ(valid(3, 3, 7), (AxisPadding{0, 0, 1}));
}

TEST(PaddingTest, ExplicitSidesBelongToTheirAxis) {
  const Padding padding = Padding::explicit_sides(1, 2, 3, 4);
  EXPECT_EQ(resolve("test", padding, PlaneAxis::height, 10, 3, 1), (AxisPadding{1, 2, 11}));
  EXPECT_EQ(resolve("test", padding, PlaneAxis::width, 10, 3, 2), (AxisPadding{3, 4, 8}));
}

TEST(PaddingTest, RefusesWhatMakesNoWindow) {
  const auto resolving = [](const Padding& padding, std::int64_t in, std::int64_t kernel,
                            std::int64_t stride) {
    return [=] { resolve("max_pool", padding, PlaneAxis::width, in, kernel, stride); };
  };
  EXPECT_TRUE(
      throws_error(resolving(Padding::valid(), 4, 5, 1), "max_pool: kernel 5 does not fit"));
  EXPECT_TRUE(throws_error(resolving(Padding::same(), 0, 3, 1), "max_pool: width 0"));
  EXPECT_TRUE(throws_error(resolving(Padding::same(), 4, 0, 1), "kernel 0"));
  EXPECT_TRUE(throws_error(resolving(Padding::same(), 4, 3, 0), "stride 0"));
  EXPECT_TRUE(throws_error(resolving(Padding::explicit_sides(0, 0, -1, 1), 4, 3, 1),
                           "width padding -1 and 1"));
  EXPECT_TRUE(throws_error(resolving(Padding::explicit_sides(9, 9, 0, 0), 2, 3, 1),
                           "does not fit into width 2"));
}

}  // namespace
}  // namespace lq::testing
