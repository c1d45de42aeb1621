// Tiles of a bit-convolution by warpgroups, of compute capability 9.0a: their extents, and which of
// them a layer gets. Arithmetic of the host alone.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/bitconv/bitconv_tile_plan.h"

namespace lq::kernels::cuda {

/// wide: 64 output pixels x 128 output channels; narrow: 64 x 64.
enum class WarpgroupTile : unsigned char { wide, narrow };

inline constexpr int warpgroup_threads = 4 * warp_lanes;
/// Columns of ones behind those of the weights, as many as a product of bits can have more.
inline constexpr int counting_columns = 16;

/// Blocks that have the same channels, and get their weights together.
inline constexpr int cluster_blocks = 2;

/// A block has two warpgroups: one multiplies, whose products have all pixels and channels of the
/// tile, the other copies.
struct WarpgroupExtents {
  static constexpr int rows = 64;
  static constexpr int threads = 2 * warpgroup_threads;
  static constexpr int stages = 4;  // of the pipeline, of stage_steps each
  int columns;
  int resident_blocks;  // that a multiprocessor has registers and shared memory for
  /// Of a thread, in multiples of 8. Those that copy hand over what they do not need.
  int multiplier_registers;
  int copier_registers;

  /// As TileExtents::finished_at_once().
  constexpr int finished_at_once() const { return multiplier_registers < 160 ? 8 : 16; }
  constexpr int weight_rows() const { return columns + counting_columns; }
  /// As TileExtents::value_pitch().
  constexpr int value_pitch() const { return columns + 8; }
  constexpr int stage_bytes() const {
    return stage_steps * (most_planes * rows + weight_rows()) * step_bytes;
  }
  /// Shared memory of a block: stages, which are aligned as swizzled matrices are, values, pixels,
  /// and two barriers of eight bytes for each stage.
  constexpr int shared_bytes() const {
    constexpr int alignment = 8 * step_bytes;
    const int all = stages * (stage_bytes() + 2 * 8) + rows * (value_pitch() * 4 + tile_row_bytes);
    return (all + alignment - 1) / alignment * alignment;
  }
};

constexpr WarpgroupExtents extents_of(WarpgroupTile tile) {
  if (tile == WarpgroupTile::wide) {
    return {
        .columns = 128, .resident_blocks = 2, .multiplier_registers = 208, .copier_registers = 40};
  }
  return {.columns = 64, .resident_blocks = 3, .multiplier_registers = 120, .copier_registers = 40};
}

/// The largest tiles of which every multiprocessor gets as many blocks as it has room for; none
/// where there are fewer: tiles of warps (plan_tiles()) are smaller, or split.
std::optional<WarpgroupTile> plan_warpgroups(const TileProblem& problem, int multiprocessors);

/// The same tile, or the nearest that the convolution can have: padded to channel_block, output
/// channels may leave half of a wide tile without weights.
WarpgroupTile within_bounds(const TileProblem& problem, WarpgroupTile tile);

TileGrid grid_of(const TileProblem& problem, WarpgroupTile tile);

}  // namespace lq::kernels::cuda
