// Bases on an integer grid, so that products of levels are products of bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "convert/quantizer_table.h"

namespace lq::convert {

/// Largest sum of the magnitudes of a basis on the grid: every signed level is then an int8, and
/// every level of {0,1} codes a byte that all instruction sets multiply exactly.
inline constexpr int grid_limit = 127;

/// Most bits whose levels 0, 1, 2, ... fit under the limit.
inline constexpr int max_grid_bits = 7;

/// Integers that stand for a basis: element i is about scale * multiples[i].
struct GridBasis {
  double scale = 1.0;
  std::vector<int> multiples;
};

/// Of all scales with sum |multiples[i]| <= grid_limit the one of the least squared error, fitted
/// to its integers. The root of the mean squared error of K elements is at most half of sum
/// |basis[i]| / (grid_limit - K). A basis that is on a grid stays as it is, with the smallest
/// integers; one of zeros has multiples of zero.
GridBasis snap_to_grid(std::span<const float> basis);

/// How a quantizer's levels become bytes: level = scale * (byte - zero_point).
struct GridLevels {
  double scale = 1.0;
  std::uint8_t zero_point = 0;
  std::vector<std::uint8_t> bytes;  ///< by code
};

/// Bytes from 0 to grid_limit for the levels of activations, one of which stands for zero whether
/// that is a level or not (padding is zero).
GridLevels grid_levels(const UnsignedBasis& basis);

}  // namespace lq::convert
