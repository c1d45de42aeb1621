// Choice of a tile for float_gemm.h, and the launch. For *.cu files.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "kernels/common/cuda/float_gemm.h"

namespace lq::kernels::cuda {

/// The sums that a product has to fill with tiles.
struct GemmExtents {
  std::int64_t rows, columns, depth;
  std::int64_t groups;
};

/// Calls visit(tile) for every tile that kernels are built for.
template <typename Visit>
void for_each_tile(Visit&& visit) {
  visit(GemmTile<128, 64, 8, 8>());
  visit(GemmTile<128, 32, 8, 4>());
  visit(GemmTile<128, 16, 8, 4>());
  visit(GemmTile<64, 64, 8, 4>());
}

template <typename Tile>
std::int64_t tiles_of(const GemmExtents& extents) {
  return ceil_divide<std::int64_t>(extents.rows, Tile::rows) *
         ceil_divide<std::int64_t>(extents.columns, Tile::columns);
}

/// Instructions of the inner loop with a tile: multiply-adds, those on the margins included, and
/// reads of shared memory.
template <typename Tile>
std::int64_t instructions_of(const GemmExtents& extents) {
  constexpr int per_step =
      Tile::thread_rows * Tile::thread_columns + (Tile::thread_rows + Tile::thread_columns) / 4;
  return tiles_of<Tile>(extents) * Tile::threads * per_step;
}

/// What a launch needs to know of the tile that takes the fewest instructions.
struct GemmPlan {
  int tile = 0;  // its number in for_each_tile()
  GemmSplits splits;

  explicit GemmPlan(const GemmExtents& extents) {
    std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
    int number = 0;
    for_each_tile([&]<typename Tile>(Tile) {
      const std::int64_t instructions = instructions_of<Tile>(extents);
      if (instructions < fewest) {
        fewest = instructions;
        tile = number;
        splits = GemmSplits::for_blocks(tiles_of<Tile>(extents) * extents.groups, extents.depth);
      }
      ++number;
    });
  }
};

/// Runs problem.splits of the product on the tile of that number.
template <typename Pass>
void launch_gemm(std::string_view operation, Stream& stream, int tile, const GemmExtents& extents,
                 bool in_fours, const GemmProblem<Pass>& problem) {
  const auto blocks = [](std::int64_t extent, int tile_extent) {
    return static_cast<unsigned>(ceil_divide<std::int64_t>(extent, tile_extent));
  };
  int number = 0;
  for_each_tile([&]<typename Tile>(Tile) {
    if (number++ != tile) return;
    const dim3 grid(blocks(extents.rows, Tile::rows), blocks(extents.columns, Tile::columns),
                    static_cast<unsigned>(extents.groups * problem.splits.count));
    const auto kernel = in_fours ? gemm_kernel<Tile, 4, Pass> : gemm_kernel<Tile, 1, Pass>;
    launch(operation, kernel, {grid, dim3(Tile::threads)}, stream, problem);
  });
}

}  // namespace lq::kernels::cuda
