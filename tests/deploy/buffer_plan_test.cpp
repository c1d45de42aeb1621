#include "deploy/buffer_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace lq::testing {
namespace {

using deploy::BufferPlan;
using deploy::BufferRequest;
using deploy::plan_buffers;

TEST(BufferPlanTest, ChainsTakeTurns) {
  // Each one lives while the next one is made.
  const std::vector<BufferRequest> requests = {{128, 0, 1}, {128, 1, 2}, {128, 2, 3}, {64, 3, 4}};
  const BufferPlan plan = plan_buffers(requests);
  EXPECT_EQ(plan.offsets, (std::vector<std::size_t>{0, 128, 0, 128}));
  EXPECT_EQ(plan.bytes, 256U);
}

TEST(BufferPlanTest, GapsAreFilled) {
  const std::vector<BufferRequest> requests = {{256, 0, 1}, {192, 0, 3}, {64, 2, 3}, {65, 2, 3}};
  const BufferPlan plan = plan_buffers(requests);
  EXPECT_EQ(plan.offsets, (std::vector<std::size_t>{0, 256, 128, 0}));
  EXPECT_EQ(plan.bytes, 448U);
}

TEST(BufferPlanTest, NothingNeedsNothing) { EXPECT_EQ(plan_buffers({}).bytes, 0U); }

TEST(BufferPlanTest, WhatLivesTogetherDoesNotOverlap) {
  std::mt19937 random(1);
  const auto below = [&](std::size_t count) { return random() % count; };
  for (int round = 0; round < 50; ++round) {
    std::vector<BufferRequest> requests(30);
    std::size_t most = 0;
    for (BufferRequest& request : requests) {
      request = {.bytes = below(1000), .first = below(20)};
      request.last = request.first + below(8);
    }
    const BufferPlan plan = plan_buffers(requests);
    for (std::size_t step = 0; step < 30; ++step) {
      std::vector<std::pair<std::size_t, std::size_t>> ranges;
      std::size_t live = 0;
      for (std::size_t i = 0; i < requests.size(); ++i) {
        if (requests[i].first > step || requests[i].last < step) continue;
        EXPECT_EQ(plan.offsets[i] % 64, 0U);
        EXPECT_LE(plan.offsets[i] + requests[i].bytes, plan.bytes);
        if (requests[i].bytes == 0) continue;
        ranges.emplace_back(plan.offsets[i], plan.offsets[i] + requests[i].bytes);
        live += (requests[i].bytes + 63) / 64 * 64;
      }
      std::ranges::sort(ranges);
      for (std::size_t i = 1; i < ranges.size(); ++i) {
        EXPECT_LE(ranges[i - 1].second, ranges[i].first);
      }
      most = std::max(most, live);
    }
    EXPECT_LE(plan.bytes, 2 * most);
  }
}

}  // namespace
}  // namespace lq::testing
