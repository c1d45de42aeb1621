#include "kernels/bitconv/bitconv_warpgroup_plan.h"

#include <gtest/gtest.h>

namespace lq::kernels::cuda {
namespace {

constexpr int multiprocessors = 10;

std::optional<WarpgroupTile> plan(std::int64_t pixels, int outputs) {
  return plan_warpgroups({.pixels = pixels, .outputs = outputs, .steps = 9, .passes = 1},
                         multiprocessors);
}

TEST(BitconvWarpgroupPlanTest, TakesTheLargestTilesThatFillAllMultiprocessors) {
  // Two tiles of 64 x 128 for each of them, or three of 64 x 64.
  EXPECT_EQ(plan(20 * 64, 128), WarpgroupTile::wide);
  EXPECT_EQ(plan(19 * 64, 128), WarpgroupTile::narrow);
  EXPECT_EQ(plan(15 * 64, 128), WarpgroupTile::narrow);
  EXPECT_EQ(plan(14 * 64, 128), std::nullopt);
  EXPECT_EQ(plan(0, 128), std::nullopt);
}

TEST(BitconvWarpgroupPlanTest, WideTilesHaveWeightsInAllColumns) {
  constexpr std::int64_t many = 1000 * 64;
  EXPECT_EQ(plan(many, 64), WarpgroupTile::narrow);
  EXPECT_EQ(plan(many, 65), WarpgroupTile::wide);  // padded to 128
  EXPECT_EQ(plan(many, 129), WarpgroupTile::narrow);
  EXPECT_EQ(plan(many, 256), WarpgroupTile::wide);
  const auto bounded = [](int outputs, WarpgroupTile tile) {
    return within_bounds({.pixels = 1, .outputs = outputs}, tile);
  };
  EXPECT_EQ(bounded(192, WarpgroupTile::wide), WarpgroupTile::narrow);
  EXPECT_EQ(bounded(256, WarpgroupTile::wide), WarpgroupTile::wide);
  EXPECT_EQ(bounded(256, WarpgroupTile::narrow), WarpgroupTile::narrow);
}

TEST(BitconvWarpgroupPlanTest, TilesCoverAllResults) {
  const TileProblem problem{.pixels = 65, .outputs = 200};
  EXPECT_EQ(grid_of(problem, WarpgroupTile::wide).blocks(), 2 * 2);
  EXPECT_EQ(grid_of(problem, WarpgroupTile::narrow).blocks(), 2 * 4);
}

TEST(BitconvWarpgroupPlanTest, RegistersOfABlockAreThoseItIsLaunchedWith) {
  constexpr int of_multiprocessor = 65536;
  for (const WarpgroupTile tile : {WarpgroupTile::wide, WarpgroupTile::narrow}) {
    const WarpgroupExtents extents = extents_of(tile);
    // nvcc gives a thread the most registers, in eights, that the blocks leave room for.
    const int threads = extents.resident_blocks * WarpgroupExtents::threads;
    const int launched = of_multiprocessor / threads / 8 * 8 * WarpgroupExtents::threads;
    EXPECT_LE(warpgroup_threads * (extents.multiplier_registers + extents.copier_registers),
              launched);
  }
}

}  // namespace
}  // namespace lq::kernels::cuda
