#include "convert/int8_grid.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/random.h"

namespace lq::testing {
namespace {

using convert::GridLevels;

TEST(GridLevelsTest, SignsHaveAByteForZeroBetweenThem) {
  const GridLevels levels = convert::grid_levels({.offset = -1.0F, .elements = {2.0F}});
  EXPECT_EQ(levels.bytes, (std::vector<std::uint8_t>{0, 2}));
  EXPECT_EQ(levels.zero_point, 1);
  EXPECT_DOUBLE_EQ(levels.scale, 1.0);
}

TEST(GridLevelsTest, NegativeElementsMoveTheZeroPoint) {
  const GridLevels levels = convert::grid_levels({.elements = {0.5F, -0.25F}});
  EXPECT_EQ(levels.zero_point, 1);
  EXPECT_EQ(levels.bytes, (std::vector<std::uint8_t>{1, 3, 0, 2}));
  EXPECT_DOUBLE_EQ(levels.scale, 0.25);
}

TEST(GridLevelsTest, ZeroIsInRangeThoughAllLevelsLieAbove) {
  const GridLevels levels = convert::grid_levels({.offset = 3.0F, .elements = {1.0F, 2.0F}});
  EXPECT_EQ(levels.zero_point, 0);
  EXPECT_EQ(levels.bytes, (std::vector<std::uint8_t>{3, 4, 5, 6}));
}

TEST(GridLevelsTest, BytesAreNearTheLevelsAndUpToTheLimit) {
  Rng rng(2, RngPurpose::test);
  for (int repetition = 0; repetition < 500; ++repetition) {
    convert::UnsignedBasis basis{.offset = random_integer(rng, 0, 1) == 0 ? 0.0F : -0.3F};
    basis.elements.resize(random_integer(rng, 1, 4));
    double total = std::abs(basis.offset);
    for (float& element : basis.elements) {
      element = rng.uniform(-1.0F, 1.0F);
      total += std::abs(element);
    }
    const GridLevels levels = convert::grid_levels(basis);
    const double tolerance = total * static_cast<double>(basis.elements.size() + 1) / 240;
    for (std::size_t code = 0; code < levels.bytes.size(); ++code) {
      double level = basis.offset;
      for (std::size_t i = 0; i < basis.elements.size(); ++i) {
        if (((code >> i) & 1) != 0) level += basis.elements[i];
      }
      EXPECT_LE(levels.bytes[code], kernels::grid_limit);
      EXPECT_NEAR(levels.scale * (levels.bytes[code] - levels.zero_point), level, tolerance);
    }
  }
}

}  // namespace
}  // namespace lq::testing
