// Bases on an integer grid, so that products of levels are products of bytes.
#pragma once

#include <span>
#include <vector>

#include "core/stream.h"
#include "core/view.h"

namespace lq::kernels {

/// Largest sum of the magnitudes of a basis on the grid: every signed level is then an int8, and
/// every level of {0,1} codes a byte that all instruction sets multiply exactly.
inline constexpr int grid_limit = 127;

/// Most bits whose levels 0, 1, 2, ... fit under the limit.
inline constexpr int max_grid_bits = 7;

/// Integers that stand for a basis: element i is about scale * multiples[i].
struct GridBasis {
  double scale = 1.0;
  std::vector<int> multiples;
  bool is_exact = true;  ///< whether the basis is on the grid, but for float rounding
};

/// Of all scales with sum |multiples[i]| <= grid_limit the one of the least squared error, fitted
/// to its integers. The root of the mean squared error of K elements is at most half of sum
/// |basis[i]| / (grid_limit - K). A basis that is on a grid stays as it is, with the smallest
/// integers; one of zeros has multiples of zero. Throws Error where the basis is not finite.
GridBasis snap_to_grid(std::span<const float> basis);

/// The same for the rows of `basis` (R x K, 1 <= K <= 7) as floats again: scale * multiples[i],
/// rounded once.
using SnapRowsToGrid = void(Stream& stream, ConstView<float> basis, View<float> snapped);

SnapRowsToGrid snap_rows_to_grid;

namespace reference {
SnapRowsToGrid snap_rows_to_grid;
}
namespace cuda {
SnapRowsToGrid snap_rows_to_grid;
}

}  // namespace lq::kernels
