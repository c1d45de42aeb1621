#include "kernels/int8_grid/int8_grid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/tensor.h"
#include "tests/support/backends.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::grid_limit;
using kernels::GridBasis;
using kernels::max_grid_bits;
using kernels::snap_to_grid;

TEST(SnapToGridTest, WhatIsOnAGridStaysWithTheSmallestIntegers) {
  const GridBasis doubling = snap_to_grid(std::vector<float>{0.3F, 0.6F, 1.2F});
  EXPECT_EQ(doubling.multiples, (std::vector<int>{1, 2, 4}));
  EXPECT_NEAR(doubling.scale, 0.3, 1e-7);

  const GridBasis odd = snap_to_grid(std::vector<float>{-2.5F, 17.5F, 10.0F});
  EXPECT_EQ(odd.multiples, (std::vector<int>{-1, 7, 4}));
  EXPECT_DOUBLE_EQ(odd.scale, 2.5);

  // The whole grid is used.
  const GridBasis wide = snap_to_grid(std::vector<float>{126.0F, 1.0F});
  EXPECT_EQ(wide.multiples, (std::vector<int>{126, 1}));
}

TEST(SnapToGridTest, OneElementIsAlwaysExact) {
  for (const float element : {0.7F, -1e-20F, 3e30F}) {
    const GridBasis grid = snap_to_grid({&element, 1});
    EXPECT_EQ(std::abs(grid.multiples[0]), 1);
    EXPECT_FLOAT_EQ(static_cast<float>(grid.scale * grid.multiples[0]), element);
  }
}

TEST(SnapToGridTest, ZerosStayZeros) {
  const GridBasis grid = snap_to_grid(std::vector<float>{0.0F, 0.0F});
  EXPECT_EQ(grid.multiples, (std::vector<int>{0, 0}));
  EXPECT_TRUE(std::isfinite(grid.scale));
}

TEST(SnapToGridTest, KeepsItsBounds) {
  Rng rng(1, RngPurpose::test);
  for (int repetition = 0; repetition < 2000; ++repetition) {
    std::vector<float> basis(random_integer(rng, 1, max_grid_bits));
    double total = 0;
    for (float& element : basis) {
      element = std::exp(rng.uniform(-4.0F, 1.0F)) * (rng.below(2) == 0 ? 1.0F : -1.0F);
      total += std::abs(element);
    }
    const GridBasis grid = snap_to_grid(basis);
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

TEST(SnapToGridTest, RefusesWhatIsNotFinite) {
  for (const float element :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_TRUE(throws_error(
        [&] {
          snap_to_grid(std::vector<float>{1.0F, element});
        },
        "an element of the basis is NaN or infinite"));
  }
}

class SnapRowsToGridTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
};

TEST_P(SnapRowsToGridTest, RowsAreSnappedOneByOne) {
  Tensor basis = random_normal({70, 3}, 11);
  for (std::int64_t i = 0; i < 3; ++i) basis.span<float>()[9 + i] = 0.0F;
  Tensor snapped(basis.shape());
  kernels::snap_rows_to_grid(stream, on(stream, std::as_const(basis)), on(stream, snapped));
  for (std::int64_t row = 0; row < 70; ++row) {
    const GridBasis grid = snap_to_grid(basis.slice(row, row + 1).span<float>());
    for (std::int64_t i = 0; i < 3; ++i) {
      EXPECT_FLOAT_EQ(snapped.span<float>()[row * 3 + i],
                      static_cast<float>(grid.scale * grid.multiples[i]));
    }
  }
}

TEST_P(SnapRowsToGridTest, SnappedRowsStay) {
  const Tensor basis = random_normal({200, 4}, 12);
  Tensor once(basis.shape());
  Tensor twice(basis.shape());
  kernels::snap_rows_to_grid(stream, on(stream, basis), on(stream, once));
  kernels::snap_rows_to_grid(stream, on(stream, once), on(stream, twice));
  for (std::int64_t i = 0; i < basis.elements(); ++i) {
    EXPECT_FLOAT_EQ(twice.span<float>()[i], once.span<float>()[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, SnapRowsToGridTest,
                         ::testing::ValuesIn(uncapped(all_backends())), backend_case_name);

TEST(SnapRowsToGridErrorTest, RefusesMoreBitsThanTheGridHas) {
  Tensor basis = Tensor::zeros({2, 8});
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::snap_rows_to_grid(current_stream({}), basis.view<float>(), basis.view<float>());
      },
      "snap_rows_to_grid: basis is 2x8, expected R x K with K from 1 to 7"));
}

}  // namespace
}  // namespace lq::testing
