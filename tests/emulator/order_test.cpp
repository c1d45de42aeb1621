#include "emulator/machine/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace lq::emulator {
namespace {

std::vector<std::uint64_t> blocks_of(const Order& order, std::uint64_t count) {
  std::vector<std::uint64_t> blocks;
  for (std::uint64_t i = 0; i < count; ++i) blocks.push_back(block_at(order, i, count));
  return blocks;
}

TEST(OrderTest, EveryBlockStartsOnce) {
  for (const OrderKind kind : {OrderKind::forward, OrderKind::reverse, OrderKind::random}) {
    for (std::uint64_t count = 1; count < 300; ++count) {
      const auto blocks = blocks_of({kind, count}, count);
      const std::set<std::uint64_t> distinct(blocks.begin(), blocks.end());
      EXPECT_EQ(distinct.size(), count);
      EXPECT_EQ(*distinct.rbegin(), count - 1);
    }
  }
}

TEST(OrderTest, RandomOrdersAreSpreadAndFollowTheirSeeds) {
  // Of 1000 seeds, each of 8 blocks comes first for about 125: five standard deviations are 52.
  std::map<std::uint64_t, int> first;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    ++first[block_at({OrderKind::random, seed}, 0, 8)];
  }
  for (std::uint64_t block = 0; block < 8; ++block) EXPECT_NEAR(first[block], 125, 52);
  const Order order{OrderKind::random, 7};
  EXPECT_EQ(blocks_of(order, 100), blocks_of(order, 100));
  EXPECT_NE(blocks_of(order, 100), blocks_of({OrderKind::random, 8}, 100));
}

TEST(OrderTest, EveryWarpHasATurnInEachRound) {
  for (const OrderKind kind : {OrderKind::forward, OrderKind::reverse, OrderKind::random}) {
    Turns turns;
    turns.start({kind, 3}, 5, 20, 1000);
    for (int round = 0; round < 50; ++round) {
      const auto warps = turns.next_round();
      EXPECT_EQ(std::set<std::uint32_t>(warps.begin(), warps.end()).size(), 20U);
      EXPECT_EQ(*std::max_element(warps.begin(), warps.end()), 19U);
      const std::uint64_t length = turns.next_length();
      EXPECT_GE(length, 1U);
      EXPECT_LE(length, 1000U);
      EXPECT_TRUE(kind == OrderKind::random || length == 1000);
      EXPECT_TRUE(kind != OrderKind::reverse || warps[0] == 19);
    }
  }
}

}  // namespace
}  // namespace lq::emulator
