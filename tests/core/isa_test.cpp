#include "core/isa.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

TEST(IsaTest, ActiveSetIsNeverAboveTheMachine) { EXPECT_LE(active_isa(), detected_isa()); }

TEST(IsaTest, CapsLowerAndNestAndAreUndone) {
  const Isa before = active_isa();
  {
    const IsaCap outer(Isa::avx2);
    EXPECT_LE(active_isa(), Isa::avx2);
    {
      const IsaCap inner(Isa::portable);
      EXPECT_EQ(active_isa(), Isa::portable);
      const IsaCap higher(Isa::avx512);  // cannot raise what an outer scope lowered
      EXPECT_EQ(active_isa(), Isa::portable);
    }
    EXPECT_EQ(active_isa(), std::min(before, Isa::avx2));
  }
  EXPECT_EQ(active_isa(), before);
}

TEST(IsaTest, NamesAreThoseOfTheEnvironmentVariable) {
  EXPECT_EQ(name_of(Isa::portable), "portable");
  EXPECT_EQ(name_of(Isa::avx2), "avx2");
  EXPECT_EQ(name_of(Isa::avx512), "avx512");
  EXPECT_EQ(name_of(Isa::avx512_vpopcnt), "avx512_vpopcnt");
  EXPECT_EQ(name_of(Isa::neon), "neon");
}

TEST(IsaTest, MachineSupportsOneFamily) {
  EXPECT_TRUE(is_supported(Isa::portable));
  EXPECT_TRUE(is_supported(detected_isa()));
  EXPECT_FALSE(is_supported(Isa::neon) && is_supported(Isa::avx2));
  for (const Isa isa : all_isas) {
    EXPECT_TRUE(isa <= detected_isa() || !is_supported(isa)) << name_of(isa);
  }
}

// The variable is read once per process, so each case runs in a child of its own.
class IsaEnvironmentDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  /// Ends the process: 0 when `expected` becomes active, 1 otherwise.
  [[noreturn]] static void exit_with_match(const char* value, Isa expected) {
    ::setenv("LQNET_ISA", value, 1);
    std::exit(active_isa() == expected ? 0 : 1);
  }

  [[noreturn]] static void exit_with_refusal(const char* value) {
    ::setenv("LQNET_ISA", value, 1);
    std::exit(throws_error([] { active_isa(); },
                           "expected portable, neon, avx2, avx512 or avx512_vpopcnt")
                  ? 0
                  : 1);
  }
};

TEST_F(IsaEnvironmentDeathTest, VariableCapsTheSet) {
  const auto success = ::testing::ExitedWithCode(0);
  EXPECT_EXIT(exit_with_match("portable", Isa::portable), success, "");
  EXPECT_EXIT(exit_with_match("avx2", std::min(detected_isa(), Isa::avx2)), success, "");
  EXPECT_EXIT(exit_with_match("", detected_isa()), success, "");
}

TEST_F(IsaEnvironmentDeathTest, OtherValuesAreRefused) {
  EXPECT_EXIT(exit_with_refusal("sse9"), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace lq::testing
