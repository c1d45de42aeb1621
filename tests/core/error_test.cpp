#include "core/error.h"

#include <gtest/gtest.h>

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

TEST(ErrorTest, PlaceIsAddedOnce) {
  Error error("constant input");
  error.within("");
  EXPECT_STREQ(error.what(), "constant input");
  error.within("stage1.block0.conv1");
  error.within("stage1.block0");
  EXPECT_STREQ(error.what(), "stage1.block0.conv1: constant input");
}

}  // namespace
}  // namespace lq::testing
