#include "kernels/bitconv/bitconv_tile_plan.h"

#include <algorithm>

#include "core/integers.h"

namespace lq::kernels::cuda {

namespace {

std::int64_t tiles_of(const TileProblem& problem, BitconvTile tile) {
  return grid_of(problem, {.tile = tile}).tiles();
}

bool has_one_pass(const TileProblem& problem) { return problem.passes == 1; }

}  // namespace

int tile_steps(std::int64_t window_words) {
  return static_cast<int>(ceil_divide(window_words, step_words));
}

int tile_passes(int weight_bits, int input_bits) {
  return weight_bits * static_cast<int>(ceil_divide(input_bits, most_planes));
}

TileGrid grid_of(const TileProblem& problem, const TilePlan& plan) {
  const TileExtents extents = extents_of(plan.tile);
  return {.pixel_tiles = ceil_divide(problem.pixels, extents.rows),
          .channel_tiles = ceil_divide(problem.outputs, extents.columns),
          .splits = plan.splits};
}

int most_split_blocks(int multiprocessors) { return 2 * multiprocessors; }

TilePlan plan_tiles(const TileProblem& problem, int multiprocessors) {
  if (has_one_pass(problem) && tiles_of(problem, BitconvTile::wide) >= 4 * multiprocessors) {
    return {.tile = BitconvTile::wide};
  }
  if (tiles_of(problem, BitconvTile::square) >= 2 * multiprocessors) {
    return {.tile = BitconvTile::square};
  }
  constexpr int fewest_steps = 4;
  return within_bounds(problem,
                       {.tile = BitconvTile::small, .splits = problem.steps / fewest_steps},
                       multiprocessors);
}

TilePlan within_bounds(const TileProblem& problem, TilePlan plan, int multiprocessors) {
  if (extents_of(plan.tile).has_one_pass() && !has_one_pass(problem)) {
    plan.tile = BitconvTile::square;
  }
  const std::int64_t tiles = std::max<std::int64_t>(tiles_of(problem, plan.tile), 1);
  const std::int64_t most =
      extents_of(plan.tile).can_split() ? most_split_blocks(multiprocessors) / tiles : 1;
  plan.splits = static_cast<int>(std::clamp<std::int64_t>(most, 1, std::max(plan.splits, 1)));
  return plan;
}

}  // namespace lq::kernels::cuda
