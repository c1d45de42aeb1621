#if defined(LQNET_WITH_CUDA)

#include "kernels/common/cuda/scratch.h"

#include <gtest/gtest.h>

#include "core/environment.h"
#include "tests/support/backends.h"

namespace lq::testing {
namespace {

using kernels::cuda::Scratch;

// Freed blocks are kept for the stream that they belong to.
TEST(ScratchTest, cuda_MemoryBelongsToTheStreamThatItIsFor) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  if (!switched_by_environment("LQNET_CUDA_CACHE", true)) GTEST_SKIP() << "blocks are not kept";
  constexpr std::int64_t count = 4321;  // nobody else asks for as much
  const Device device{DeviceType::cuda, 0};
  const auto other = device_backend(device.type).make_stream(device.index);
  const void* const place = Scratch<std::byte>(*other, count).data();
  const Tensor of_current_stream({count}, DType::u8, device);
  EXPECT_NE(of_current_stream.raw(), place);
  const StreamScope scope(*other);
  const Tensor of_other({count}, DType::u8, device);
  EXPECT_EQ(of_other.raw(), place);
}

}  // namespace
}  // namespace lq::testing

#endif
