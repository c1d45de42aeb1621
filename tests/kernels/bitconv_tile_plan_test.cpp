#include "kernels/bitconv/bitconv_tile_plan.h"

#include <gtest/gtest.h>

namespace lq::kernels::cuda {
namespace {

constexpr int multiprocessors = 10;

TilePlan plan(const TileProblem& problem) { return plan_tiles(problem, multiprocessors); }

TEST(BitconvTilePlanTest, TakesTheLargestTilesThatGiveAllMultiprocessorsWork) {
  // Four of 128 x 64 for each, else two of 64 x 64.
  TileProblem problem{.pixels = 40 * 128, .outputs = 64, .steps = 8, .passes = 1};
  EXPECT_EQ(plan(problem).tile, BitconvTile::wide);
  problem.passes = 2;  // for which wide tiles have no room
  EXPECT_EQ(plan(problem).tile, BitconvTile::square);
  problem.passes = 1;
  problem.pixels = 39 * 128;
  EXPECT_EQ(plan(problem).tile, BitconvTile::square);
  problem.pixels = 19 * 64;
  EXPECT_EQ(plan(problem).tile, BitconvTile::small);
  problem.outputs = 65;
  EXPECT_EQ(plan(problem).tile, BitconvTile::square);
}

TEST(BitconvTilePlanTest, SplitsFewSmallTiles) {
  // 2 x 2 tiles; sums of 20 blocks are kept, and a part has four steps.
  TileProblem problem{.pixels = 33, .outputs = 64, .steps = 100, .passes = 1};
  EXPECT_EQ(plan(problem).splits, 5);
  EXPECT_EQ(grid_of(problem, plan(problem)).blocks(), 20);
  problem.steps = 11;
  EXPECT_EQ(plan(problem).splits, 2);
  problem.steps = 3;
  EXPECT_EQ(plan(problem).splits, 1);
  EXPECT_EQ(plan({.pixels = 0, .outputs = 64, .steps = 11, .passes = 1}).tile, BitconvTile::small);
}

TEST(BitconvTilePlanTest, WishesAreBroughtWithinBounds) {
  const TileProblem two_passes{.pixels = 33, .outputs = 64, .steps = 9, .passes = 2};
  const auto bounded = [&](BitconvTile tile, int splits) {
    return within_bounds(two_passes, {.tile = tile, .splits = splits}, multiprocessors);
  };
  EXPECT_EQ(bounded(BitconvTile::wide, 1).tile, BitconvTile::square);
  EXPECT_EQ(bounded(BitconvTile::square, 3).splits, 1);
  EXPECT_EQ(bounded(BitconvTile::small, 3).splits, 3);
  EXPECT_EQ(bounded(BitconvTile::small, 9).splits, 5);
  EXPECT_EQ(bounded(BitconvTile::small, 0).splits, 1);
}

TEST(BitconvTilePlanTest, CountsStepsPassesAndBytes) {
  EXPECT_EQ(tile_steps(18), 3);
  EXPECT_EQ(tile_steps(16), 2);
  EXPECT_EQ(tile_passes(1, 2), 1);
  EXPECT_EQ(tile_passes(2, 3), 4);
  EXPECT_EQ(words_at_once(8 | 4), 4);
  EXPECT_EQ(words_at_once(8 | 2), 2);
  EXPECT_EQ(words_at_once(8 | 1), 1);
  // Three stages of two steps of 2 x 32 rows and 32 columns, 32 bytes each; 16 bytes for each of 32
  // pixels; 32 x 40 floats; a flag.
  EXPECT_EQ(extents_of(BitconvTile::small).shared_bytes(), 18432 + 512 + 5120 + 16);
}

}  // namespace
}  // namespace lq::kernels::cuda
