#include "core/error.h"

#include <gtest/gtest.h>

#include "core/format.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

TEST(ErrorTest, FailFormatsTheMessage) {
  try {
    fail("conv2d: {} groups given, expected {}", 3, 2);
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "conv2d: 3 groups given, expected 2");
    return;
  }
  FAIL() << "nothing thrown";
}

TEST(ErrorTest, CheckThrowsOnlyWhenTheConditionIsFalse) {
  EXPECT_NO_THROW(check(true, "never seen"));
  EXPECT_TRUE(throws_error([] { check(false, "seen {}", 1); }, "seen 1"));
}

/// Counts how often it is turned into text.
struct Counted {
  int* count;
  std::string to_string() const {
    ++*count;
    return "counted";
  }
};

}  // namespace
}  // namespace lq::testing

template <>
struct fmt::formatter<lq::testing::Counted> : lq::ToStringFormatter<lq::testing::Counted> {};

namespace lq::testing {
namespace {

TEST(ErrorTest, ACheckThatHoldsMakesNoText) {
  int count = 0;
  check(true, "never seen {}", Counted{&count});
  EXPECT_EQ(count, 0);
  EXPECT_TRUE(throws_error([&] { check(false, "seen {}", Counted{&count}); }, "seen counted"));
  EXPECT_EQ(count, 1);
}

TEST(ErrorTest, PlaceIsAddedOnce) {
  Error error("constant input");
  error.within("");
  EXPECT_STREQ(error.what(), "constant input");
  error.within("stage1_block0.conv1");
  error.within("stage1_block0");
  EXPECT_STREQ(error.what(), "stage1_block0.conv1: constant input");
}

}  // namespace
}  // namespace lq::testing
