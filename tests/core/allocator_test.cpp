#include "core/allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <thread>
#include <vector>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

/// A source of memory that counts its calls and can run out.
struct CountingSource {
  int allocations = 0;
  int frees = 0;
  std::size_t bytes_left = std::numeric_limits<std::size_t>::max();

  BlockCache::Allocate allocate() {
    return [this](std::size_t bytes) {
      check(bytes <= bytes_left, "out of memory");
      bytes_left -= bytes;
      ++allocations;
      return std::malloc(bytes);
    };
  }
  BlockCache::Free free() {
    return [this](void* block, std::size_t bytes) {
      bytes_left += bytes;
      ++frees;
      std::free(block);
    };
  }
};

TEST(BlockCacheTest, RoundedSizesStayClose) {
  EXPECT_EQ(BlockCache::rounded(0), 256U);
  EXPECT_EQ(BlockCache::rounded(256), 256U);
  for (std::size_t bytes = 257; bytes < 3'000'000; bytes += bytes / 37 + 1) {
    const std::size_t rounded = BlockCache::rounded(bytes);
    EXPECT_GE(rounded, bytes);
    EXPECT_LE(rounded - bytes, std::max<std::size_t>(bytes / 8, 63)) << bytes;
    EXPECT_EQ(rounded % 64, 0U) << bytes;
    EXPECT_EQ(BlockCache::rounded(rounded), rounded) << bytes;
  }
}

TEST(BlockCacheTest, HandsFreedBlocksOutAgain) {
  CountingSource source;
  BlockCache cache(source.allocate(), source.free());
  void* first = cache.take(1000);
  cache.give_back(first, 1000);
  void* second = cache.take(1010);  // rounds to the same size
  EXPECT_EQ(second, first);
  void* third = cache.take(1000);
  EXPECT_NE(third, second);
  EXPECT_EQ(source.allocations, 2);
  cache.give_back(second, 1010);
  cache.give_back(third, 1000);
  EXPECT_EQ(source.frees, 0);
  cache.trim();
  EXPECT_EQ(source.frees, 2);
}

TEST(BlockCacheTest, DisabledCacheFreesAtOnce) {
  CountingSource source;
  BlockCache cache(source.allocate(), source.free(), false);
  cache.give_back(cache.take(1000), 1000);
  EXPECT_EQ(source.frees, 1);
}

TEST(BlockCacheTest, FreesIdleBlocksWhenItGoes) {
  CountingSource source;
  {
    BlockCache cache(source.allocate(), source.free());
    cache.give_back(cache.take(1), 1);
  }
  EXPECT_EQ(source.frees, 1);
}

TEST(BlockCacheTest, CountsBytesInUseAndTheirPeak) {
  CountingSource source;
  BlockCache cache(source.allocate(), source.free());
  void* small = cache.take(256);
  void* large = cache.take(1024);
  EXPECT_EQ(cache.bytes_in_use(), 1280U);
  cache.give_back(large, 1024);
  EXPECT_EQ(cache.bytes_in_use(), 256U);
  EXPECT_EQ(cache.peak_bytes(), 1280U);
  cache.reset_peak();
  EXPECT_EQ(cache.peak_bytes(), 256U);
  cache.give_back(small, 256);
  EXPECT_EQ(cache.bytes_in_use(), 0U);
}

TEST(BlockCacheTest, IdleBlocksMakeRoomWhenMemoryRunsOut) {
  CountingSource source;
  source.bytes_left = 2048;
  BlockCache cache(source.allocate(), source.free());
  cache.give_back(cache.take(1024), 1024);
  void* block = cache.take(2048);  // only without the idle 1024
  EXPECT_EQ(source.frees, 1);
  EXPECT_TRUE(throws_error([&] { cache.take(1024); }, "out of memory"));
  EXPECT_EQ(cache.bytes_in_use(), 2048U);
  cache.give_back(block, 2048);
}

TEST(BlockCacheTest, AbsurdSizesAreRefused) {
  CountingSource source;
  BlockCache cache(source.allocate(), source.free());
  const std::size_t largest = std::numeric_limits<std::size_t>::max();
  EXPECT_TRUE(throws_error([&] { cache.take(largest); }, "out of memory"));
  EXPECT_EQ(source.allocations, 0);
}

TEST(BlockCacheTest, ThreadsNeverShareABlock) {
  BlockCache cache([](std::size_t bytes) { return std::malloc(bytes); },
                   [](void* block, std::size_t) { std::free(block); });
  std::atomic<int> clashes = 0;
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      for (int round = 0; round < 2000; ++round) {
        auto* block = static_cast<volatile int*>(cache.take(sizeof(int)));
        *block = id;
        std::this_thread::yield();
        if (*block != id) ++clashes;
        cache.give_back(const_cast<int*>(block), sizeof(int));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clashes, 0);
  EXPECT_EQ(cache.bytes_in_use(), 0U);
}

}  // namespace
}  // namespace lq::testing
