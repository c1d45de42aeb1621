// Memory of a GPU where it runs out.
#if defined(LQNET_WITH_CUDA)

#include <gtest/gtest.h>

#include <cstddef>

#include "core/cuda/memory.h"
#include "core/cuda/stream.h"
#include "core/device.h"
#include "tests/support/devices.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

class CudaMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
    first = device_backend(DeviceType::cuda).make_stream(0);
    second = device_backend(DeviceType::cuda).make_stream(0);
  }

  static std::size_t free_bytes() {
    std::size_t free = 0, total = 0;
    EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
    return free;
  }

  void* allocate(Stream& stream, std::size_t bytes) {
    const StreamScope scope(stream);
    return memory.allocate(bytes);
  }
  /// Leaves an idle block behind.
  void use_for_a_while(Stream& stream, std::size_t bytes) {
    memory.deallocate(allocate(stream, bytes), bytes);
  }

  CudaMemory memory{0, /*caching=*/true};
  std::unique_ptr<Stream> first;
  std::unique_ptr<Stream> second;
};

TEST_F(CudaMemoryTest, IdleBlocksOfOtherStreamsMakeRoom) {
  const std::size_t free = free_bytes();
  const std::size_t most = free / 4 * 3;
  use_for_a_while(*first, most);
  EXPECT_LT(free_bytes(), most);  // kept
  void* const block = allocate(*second, most);
  EXPECT_EQ(memory.use().bytes, BlockCache::rounded(most));
  // Those in use stay, whoever asks.
  EXPECT_TRUE(throws_error([&] { allocate(*first, most); }, "out of memory: "));
  memory.deallocate(block, most);
  EXPECT_EQ(memory.use().bytes, 0U);
}

TEST_F(CudaMemoryTest, MessagesTellWhatWasIdle) {
  constexpr std::size_t mebibyte = 1 << 20;
  constexpr std::size_t absurd = std::size_t{1} << 46;
  void* const kept = allocate(*first, 2 * mebibyte);
  use_for_a_while(*first, 3 * mebibyte);
  use_for_a_while(*second, 5 * mebibyte);
  const std::size_t free_before = free_bytes();
  EXPECT_TRUE(throws_error([&] { allocate(*second, absurd); },
                           "and 2097152 in use here; 8388608 that were idle have been given back"));
  EXPECT_EQ(free_bytes(), free_before + 8 * mebibyte);
  EXPECT_TRUE(throws_error([&] { allocate(*second, absurd); },
                           "in use here; 0 that were idle have been given back"));
  memory.deallocate(kept, 2 * mebibyte);
}

}  // namespace
}  // namespace lq::testing

#endif
