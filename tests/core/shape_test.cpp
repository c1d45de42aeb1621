#include "core/shape.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

TEST(ShapeTest, KnowsItsExtents) {
  const Shape shape = {2, 32, 30, 16};
  EXPECT_EQ(shape.rank(), 4);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[3], 16);
  EXPECT_EQ(shape[-1], 16);
  EXPECT_EQ(shape[-4], 2);
  EXPECT_EQ(shape.elements(), 2 * 32 * 30 * 16);
  EXPECT_EQ(shape.to_string(), "2x32x30x16");
  EXPECT_EQ(fmt::format("{} and {}", shape, Shape()), "2x32x30x16 and scalar");
  const std::vector<std::int64_t> extents(shape.extents().begin(), shape.extents().end());
  EXPECT_EQ(extents, (std::vector<std::int64_t>{2, 32, 30, 16}));
}

TEST(ShapeTest, ScalarHasOneElementAndEmptyHasNone) {
  EXPECT_EQ(Shape().rank(), 0);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape().to_string(), "scalar");
  EXPECT_EQ((Shape{3, 0, 5}).elements(), 0);
  EXPECT_EQ((Shape{3, 0, 5}).to_string(), "3x0x5");
}

TEST(ShapeTest, EqualityLooksAtRankAndExtents) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
  EXPECT_NE(Shape(), (Shape{1}));
  EXPECT_NE((Shape{0, 2}), (Shape{0, 3}));
}

TEST(ShapeTest, RefusesWhatIsNoShape) {
  EXPECT_TRUE(throws_error([] { Shape({2, -1}); }, "dimension 1 is -1"));
  EXPECT_TRUE(throws_error([] { Shape({1, 1, 1, 1, 1, 1}); }, "6 dimensions given, at most 5"));
  EXPECT_TRUE(throws_error([] { Shape({1LL << 32, 1LL << 31}); }, "does not fit in 64 bits"));
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ((Shape{largest}).elements(), largest);
}

}  // namespace
}  // namespace lq::testing
