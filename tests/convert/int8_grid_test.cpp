#include "convert/int8_grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "tests/support/random.h"

namespace lq::testing {
namespace {

using convert::grid_limit;
using convert::GridBasis;
using convert::GridLevels;

TEST(SnapToGridTest, WhatIsOnAGridStaysWithTheSmallestIntegers) {
  const GridBasis doubling = convert::snap_to_grid(std::vector<float>{0.3F, 0.6F, 1.2F});
  EXPECT_EQ(doubling.multiples, (std::vector<int>{1, 2, 4}));
  EXPECT_NEAR(doubling.scale, 0.3, 1e-7);

  const GridBasis odd = convert::snap_to_grid(std::vector<float>{-2.5F, 17.5F, 10.0F});
  EXPECT_EQ(odd.multiples, (std::vector<int>{-1, 7, 4}));
  EXPECT_DOUBLE_EQ(odd.scale, 2.5);

  // The whole grid is used.
  const GridBasis wide = convert::snap_to_grid(std::vector<float>{126.0F, 1.0F});
  EXPECT_EQ(wide.multiples, (std::vector<int>{126, 1}));
}

TEST(SnapToGridTest, OneElementIsAlwaysExact) {
  for (const float element : {0.7F, -1e-20F, 3e30F}) {
    const GridBasis grid = convert::snap_to_grid({&element, 1});
    EXPECT_EQ(std::abs(grid.multiples[0]), 1);
    EXPECT_FLOAT_EQ(static_cast<float>(grid.scale * grid.multiples[0]), element);
  }
}

TEST(SnapToGridTest, ZerosStayZeros) {
  const GridBasis grid = convert::snap_to_grid(std::vector<float>{0.0F, 0.0F});
  EXPECT_EQ(grid.multiples, (std::vector<int>{0, 0}));
  EXPECT_TRUE(std::isfinite(grid.scale));
}

TEST(SnapToGridTest, KeepsItsBounds) {
  Rng rng(1, RngPurpose::test);
  for (int repetition = 0; repetition < 2000; ++repetition) {
    std::vector<float> basis(random_integer(rng, 1, convert::max_grid_bits));
    double total = 0;
    for (float& element : basis) {
      element = std::exp(rng.uniform(-4.0F, 1.0F)) * (rng.below(2) == 0 ? 1.0F : -1.0F);
      total += std::abs(element);
    }
    const GridBasis grid = convert::snap_to_grid(basis);
    int sum = 0;
    double error = 0;
    for (std::size_t i = 0; i < basis.size(); ++i) {
      sum += std::abs(grid.multiples[i]);
      error += std::pow(basis[i] - grid.scale * grid.multiples[i], 2);
    }
    const auto count = static_cast<double>(basis.size());
    EXPECT_LE(sum, grid_limit);
    EXPECT_LE(std::sqrt(error / count), total / (grid_limit - count) / 2);
  }
}

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
      EXPECT_LE(levels.bytes[code], grid_limit);
      EXPECT_NEAR(levels.scale * (levels.bytes[code] - levels.zero_point), level, tolerance);
    }
  }
}

}  // namespace
}  // namespace lq::testing
