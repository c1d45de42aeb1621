#include "kernels/bitconv/bitconv_warpgroup_plan.h"

#include "core/integers.h"

namespace lq::kernels::cuda {

TileGrid grid_of(const TileProblem& problem, WarpgroupTile tile) {
  return {.pixel_tiles = ceil_divide(problem.pixels, WarpgroupExtents::rows),
          .channel_tiles = ceil_divide(problem.outputs, extents_of(tile).columns)};
}

std::optional<WarpgroupTile> plan_warpgroups(const TileProblem& problem, int multiprocessors) {
  for (const WarpgroupTile tile : {WarpgroupTile::wide, WarpgroupTile::narrow}) {
    const std::int64_t resident = std::int64_t{extents_of(tile).resident_blocks} * multiprocessors;
    if (within_bounds(problem, tile) == tile && grid_of(problem, tile).tiles() >= resident) {
      return tile;
    }
  }
  return std::nullopt;
}

WarpgroupTile within_bounds(const TileProblem& problem, WarpgroupTile tile) {
  const int padded = round_up(problem.outputs, channel_block);
  return padded % extents_of(tile).columns == 0 ? tile : WarpgroupTile::narrow;
}

}  // namespace lq::kernels::cuda
