#include "core/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

/// Sets the number of threads and puts the old one back.
class ThreadsTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_num_threads(GetParam()); }
  void TearDown() override { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};

TEST_P(ThreadsTest, EveryChunkRunsOnce) {
  for (std::int64_t chunks : {0, 1, 2, 3, 7, 100}) {
    std::vector<std::atomic<int>> runs(chunks);
    parallel_for(chunks, [&](std::int64_t chunk) { ++runs[chunk]; });
    for (const auto& count : runs) EXPECT_EQ(count, 1);
  }
}

TEST_P(ThreadsTest, RangesCoverAllElementsInPiecesOfTheGrain) {
  for (std::int64_t elements : {0, 1, 9, 10, 11, 95}) {
    constexpr std::int64_t grain = 10;
    std::vector<std::atomic<int>> visits(elements);
    parallel_for_ranges(elements, grain, [&](std::int64_t begin, std::int64_t end) {
      EXPECT_EQ(begin % grain, 0);
      EXPECT_EQ(end, std::min(elements, begin + grain));
      for (std::int64_t i = begin; i < end; ++i) ++visits[i];
    });
    for (const auto& count : visits) EXPECT_EQ(count, 1);
  }
}

TEST_P(ThreadsTest, ExceptionsReachTheCaller) {
  for (std::int64_t thrower : {0, 5, 9}) {
    EXPECT_TRUE(throws_error(
        [&] {
          parallel_for(10, [&](std::int64_t chunk) { check(chunk != thrower, "chunk {}", chunk); });
        },
        "chunk " + std::to_string(thrower)));
  }
  EXPECT_THROW(parallel_for(4, [](std::int64_t) { throw std::out_of_range("all"); }),
               std::out_of_range);
}

TEST_P(ThreadsTest, NestedLoopsRunCompletely) {
  std::atomic<int> runs = 0;
  parallel_for(5, [&](std::int64_t) { parallel_for(6, [&](std::int64_t) { ++runs; }); });
  EXPECT_EQ(runs, 30);
}

TEST_P(ThreadsTest, NoMoreThreadsThanAskedForAndAllThreadsSeeTheNumber) {
  EXPECT_EQ(num_threads(), GetParam());
  int seen_elsewhere = 0;
  std::thread([&] { seen_elsewhere = num_threads(); }).join();
  EXPECT_EQ(seen_elsewhere, GetParam());
  std::atomic<int> most = 0;
  parallel_for(64, [&](std::int64_t) {
    if (omp_get_num_threads() > most) most = omp_get_num_threads();
  });
  EXPECT_LE(most, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Counts, ThreadsTest, ::testing::Values(1, 2, 3, 8));

TEST(ThreadsLimitsTest, AbsurdNumbersAreRefused) {
  const int before = num_threads();
  for (int count : {0, -1, 1025}) {
    EXPECT_TRUE(throws_error([&] { set_num_threads(count); }, "expected 1 to 1024"));
  }
  EXPECT_EQ(num_threads(), before);
}

TEST(ThreadsReductionTest, ChunkedSumsDoNotDependOnTheNumberOfThreads) {
  const auto sum_with = [](int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    constexpr std::int64_t elements = 100'003, grain = 1024;
    std::vector<double> partial((elements + grain - 1) / grain);
    parallel_for_ranges(elements, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        partial[begin / grain] += 1.0 / static_cast<double>(i + 1);
      }
    });
    set_num_threads(before);
    return std::accumulate(partial.begin(), partial.end(), 0.0);
  };
  const double expected = sum_with(1);
  for (int threads : {2, 3, 5, 8}) EXPECT_EQ(sum_with(threads), expected);
}

}  // namespace
}  // namespace lq::testing
