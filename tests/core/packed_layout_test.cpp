#include "core/packed_layout.h"

#include <gtest/gtest.h>

namespace lq::testing {
namespace {

TEST(PackedLayoutTest, ChannelsFillWordsFromTheLowestBit) {
  EXPECT_EQ(packed::words(0), 0);
  EXPECT_EQ(packed::words(1), 1);
  EXPECT_EQ(packed::words(32), 1);
  EXPECT_EQ(packed::words(33), 2);
  EXPECT_EQ(packed::words(64), 2);
  EXPECT_EQ(packed::word_of(31), 0);
  EXPECT_EQ(packed::bit_of(31), 31);
  EXPECT_EQ(packed::word_of(32), 1);
  EXPECT_EQ(packed::bit_of(32), 0);
}

TEST(PackedLayoutTest, TailMaskHasABitPerChannelOfTheLastWord) {
  EXPECT_EQ(packed::tail_mask(1), 0x1U);
  EXPECT_EQ(packed::tail_mask(3), 0x7U);
  EXPECT_EQ(packed::tail_mask(31), 0x7FFFFFFFU);
  EXPECT_EQ(packed::tail_mask(32), 0xFFFFFFFFU);
  EXPECT_EQ(packed::tail_mask(33), 0x1U);
}

}  // namespace
}  // namespace lq::testing
