#include "core/environment.h"

#include <gtest/gtest.h>

#include "tests/support/environment.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

constexpr const char* name = "LQNET_TEST_CHOICE";

std::optional<int> chosen_with(const char* value) {
  const EnvironmentScope scope(name, value);
  return chosen_by_environment<int>(name, {{"one", 1}, {"two", 2}, {"three", 3}});
}

TEST(EnvironmentTest, ValuesStandForChoices) {
  EXPECT_EQ(chosen_with(nullptr), std::nullopt);
  EXPECT_EQ(chosen_with("one"), 1);
  EXPECT_EQ(chosen_with("three"), 3);
}

TEST(EnvironmentTest, OtherValuesAreRefused) {
  for (const std::string other : {"four", "", "ONE", "one ", "on"}) {
    EXPECT_TRUE(throws_error([&] { chosen_with(other.c_str()); },
                             "LQNET_TEST_CHOICE is '" + other + "', expected one, two or three"));
  }
  const EnvironmentScope scope(name, "2");
  EXPECT_TRUE(throws_error(
      [] {
        chosen_by_environment<bool>(name, {{"0", false}, {"1", true}});
      },
      "LQNET_TEST_CHOICE is '2', expected 0 or 1"));
}

}  // namespace
}  // namespace lq::testing
