#include "bench/median.h"

#include <gtest/gtest.h>

namespace lq::bench {
namespace {

TEST(MedianTest, IsTheMiddleOrTheMeanOfTwo) {
  EXPECT_EQ(median({7}), 7);
  EXPECT_EQ(median({9, 1, 2}), 2);
  EXPECT_EQ(median({4, 100, 1, 2}), 3);
}

}  // namespace
}  // namespace lq::bench
