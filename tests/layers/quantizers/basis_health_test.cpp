#include "layers/quantizers/basis_health.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "layers/quantizers/quantizer.h"
#include "tests/support/level_tables.h"

namespace lq::testing {
namespace {

using Counts = std::vector<std::int64_t>;

const kernels::QemOptions of_weights = LqOptions().weights;          // ridge 1e-4
const kernels::QemOptions of_activations = LqOptions().activations;  // 1e-7 per value

/// Of `bases`, R x K, and what came to the levels of each, lowest level first.
std::string health(const Tensor& bases, const Counts& counts, const kernels::QemOptions& options) {
  const TableTensors tensors = table_of(bases, options.alphabet);
  autograd::LevelTable table;
  table.levels = tensors.levels;
  table.codes = tensors.codes;
  return basis_health(table, Tensor::from(counts, tensors.levels.shape()), options);
}
std::string health(const std::vector<float>& basis, const Counts& counts,
                   const kernels::QemOptions& options) {
  return health(Tensor::from(basis, {1, std::ssize(basis)}), counts, options);
}

TEST(BasisHealthTest, NothingToSayWhenEveryLevelIsInUse) {
  EXPECT_EQ(health({1.0F}, {1, 1}, of_weights), "");
  EXPECT_EQ(health({1.0F, 2.0F}, {1, 1, 1, 1}, of_weights), "");
  EXPECT_EQ(health({2.0F, -1.0F}, {90, 1, 5, 7}, of_activations), "");
  EXPECT_EQ(health({1.0F, 2.0F, 4.0F}, {9, 9, 9, 9, 9, 9, 9, 9}, of_activations), "");
}

TEST(BasisHealthTest, CountsLevelsInUse) {
  // Two codes of weights that differ in one bit, and three of activations: both bases are known.
  EXPECT_EQ(health({1.0F, 2.0F}, {3, 2, 0, 0}, of_weights), "only 2 of 4 levels in use");
  EXPECT_EQ(health({1.0F, 2.0F}, {0, 5, 5, 5}, of_activations), "only 3 of 4 levels in use");
  EXPECT_EQ(health({1.0F, 2.0F, 4.0F}, {9, 9, 9, 0, 9, 9, 9, 9}, of_weights),
            "only 7 of 8 levels in use");
}

TEST(BasisHealthTest, CountsDistinctLevels) {
  const Counts all(4, 10);
  // Levels 0, 0, 1, 1 and -1, -1, 1, 1; then two of the four, 0, 1, 1, 2.
  EXPECT_EQ(health({0.0F, 1.0F}, all, of_activations), "only 2 of 4 levels distinct");
  EXPECT_EQ(health({1.0F, 0.0F}, all, of_weights), "only 2 of 4 levels distinct");
  EXPECT_EQ(health({1.0F, 1.0F}, all, of_activations), "only 3 of 4 levels distinct");
  EXPECT_EQ(health({0.0F, 0.0F}, all, of_weights), "only 1 of 4 levels distinct");
  EXPECT_EQ(health({0.0F}, {5, 5}, of_weights), "only 1 of 2 levels distinct");
}

TEST(BasisHealthTest, CoincidenceIsRelativeToTheSpan) {
  const Counts all(4, 10);
  for (const float scale : {1e-20F, 1.0F, 1e20F}) {
    // An even spacing is a third of the span 1 + s: a hundredth of it about s = 0.0033.
    EXPECT_EQ(health({0.004F * scale, scale}, all, of_activations), "") << scale;
    EXPECT_EQ(health({0.003F * scale, scale}, all, of_activations), "only 2 of 4 levels distinct")
        << scale;
    EXPECT_EQ(health({scale, -0.003F * scale}, all, of_weights), "only 2 of 4 levels distinct")
        << scale;
  }
}

TEST(BasisHealthTest, CountsWhatTheCodesInUseDetermine) {
  // Level 0 alone says nothing of activations; a weight always has all bits.
  EXPECT_EQ(health({1.0F, 2.0F}, {5, 0, 0, 0}, of_activations),
            "only 1 of 4 levels in use; only 0 of 2 basis elements determined by the data");
  EXPECT_EQ(health({1.0F, 2.0F}, {5, 0, 0, 0}, of_weights),
            "only 1 of 4 levels in use; only 1 of 2 basis elements determined by the data");
  // The lowest and the highest: one bit always equals the other.
  EXPECT_EQ(health({1.0F, 2.0F}, {5, 0, 0, 8}, of_activations),
            "only 2 of 4 levels in use; only 1 of 2 basis elements determined by the data");
  EXPECT_EQ(health({1.0F, 2.0F}, {5, 0, 0, 8}, of_weights),
            "only 2 of 4 levels in use; only 1 of 2 basis elements determined by the data");
  // Codes 1, 2 and 3 of three bits: the third is never set.
  EXPECT_EQ(health({1.0F, 2.0F, 4.0F}, {5, 5, 5, 5, 0, 0, 0, 0}, of_activations),
            "only 4 of 8 levels in use; only 2 of 3 basis elements determined by the data");
  // Codes 3 = 011, 5 = 101 and 6 = 110 are independent, 1, 2 and 3 are not.
  EXPECT_EQ(health({1.0F, 2.0F, 4.0F}, {0, 0, 0, 5, 0, 5, 5, 0}, of_activations),
            "only 3 of 8 levels in use");
}

TEST(BasisHealthTest, ValuesThatTheRidgeOutweighsDetermineNothing) {
  // One value in ten million or less against 1e-7 of all.
  const std::string line = "only 1 of 2 basis elements determined by the data";
  EXPECT_EQ(health({1.0F, 2.0F}, {20'000'000, 1, 5'000'000, 0}, of_activations),
            "only 3 of 4 levels in use; " + line);
  EXPECT_EQ(health({1.0F, 2.0F}, {2'000'000, 1, 5'000'000, 0}, of_activations),
            "only 3 of 4 levels in use");
  kernels::QemOptions strong = of_weights;
  strong.ridge = 1e3;
  EXPECT_EQ(health({1.0F, 2.0F}, {9, 9, 9, 9}, strong),
            "only 0 of 2 basis elements determined by the data");
}

TEST(BasisHealthTest, ASystemWithoutRidgeIsJudgedByItsRank) {
  kernels::QemOptions bare = of_activations;
  bare.ridge_per_value = 0;
  EXPECT_EQ(health({1.0F, 2.0F}, {4, 0, 0, 30'000'001}, bare),
            "only 2 of 4 levels in use; only 1 of 2 basis elements determined by the data");
  EXPECT_EQ(health({1.0F, 2.0F}, {4, 1, 1, 30'000'001}, bare), "");
}

TEST(BasisHealthTest, EightBits) {
  const std::vector<float> doubling{1, 2, 4, 8, 16, 32, 64, 128};
  Counts counts(256, 3);
  EXPECT_EQ(health(doubling, counts, of_weights), "");
  EXPECT_EQ(health(doubling, counts, of_activations), "");
  for (std::size_t l = 128; l < 256; ++l) counts[l] = 0;
  EXPECT_EQ(health(doubling, counts, of_activations),
            "only 128 of 256 levels in use; only 7 of 8 basis elements determined by the data");
}

TEST(BasisHealthTest, ChannelsAreCountedAndTheWorstIsTold) {
  const Tensor bases = Tensor::from(std::vector{1.0F, 2.0F, 1.0F, 2.0F, 1.0F, 0.0F}, {3, 2});
  EXPECT_EQ(health(bases, Counts(12, 7), of_weights),
            "down to 2 of 4 levels distinct in 1 of 3 channels");
  EXPECT_EQ(health(bases, {9, 9, 9, 0, 9, 0, 0, 9, 9, 9, 9, 9}, of_weights),
            "down to 2 of 4 levels in use in 2 of 3 channels; "
            "down to 2 of 4 levels distinct in 1 of 3 channels; "
            "down to 1 of 2 basis elements determined by the data in 1 of 3 channels");
}

}  // namespace
}  // namespace lq::testing
