#include "kernels/common/level_basis.h"

#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/level_tables.h"

namespace lq::testing {
namespace {

using kernels::CodeAlphabet;
using kernels::level_basis;

TEST(LevelBasisTest, FindsTheBasisThatATableWasMadeFrom) {
  Rng rng(1, RngPurpose::synthetic);
  for (const auto alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
    for (int bits = 1; bits <= 4; ++bits) {
      const Tensor basis = random_basis(5, bits, rng);
      const auto found = level_basis(table_of(basis, alphabet).view(), alphabet);
      ASSERT_TRUE(found.has_value()) << bits;
      // Levels of up to 4 elements of magnitude 1, rounded to single precision.
      EXPECT_TRUE(all_close(*found, basis.span<float>(), 0, 3e-7));
    }
  }
}

TEST(LevelBasisTest, ThereIsNoneForOtherLevels) {
  Rng rng(2, RngPurpose::synthetic);
  const Tensor basis = random_basis(3, 2, rng);
  // Signed levels are no sums of {0,1}: code 0 would be level 0.
  EXPECT_FALSE(
      level_basis(table_of(basis, CodeAlphabet::minus_plus_one).view(), CodeAlphabet::zero_one));
  TableTensors bent = table_of(basis, CodeAlphabet::zero_one);
  bent.levels.span<float>()[11] += 0.01F;
  EXPECT_FALSE(level_basis(bent.view(), CodeAlphabet::zero_one));
  TableTensors twice = table_of(basis, CodeAlphabet::zero_one);
  twice.codes.span<std::uint8_t>()[1] = twice.codes.span<std::uint8_t>()[0];
  EXPECT_FALSE(level_basis(twice.view(), CodeAlphabet::zero_one));
}

TEST(LevelBasisTest, AnUnusedElementIsZero) {
  const Tensor basis = Tensor::from(std::vector<float>{0.5F, 0}, {1, 2});
  const auto found =
      level_basis(table_of(basis, CodeAlphabet::zero_one).view(), CodeAlphabet::zero_one);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, (std::vector<float>{0.5F, 0}));
}

}  // namespace
}  // namespace lq::testing
