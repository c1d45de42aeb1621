// Moments of a CUDA stream.
#if defined(LQNET_WITH_CUDA)

#include "core/cuda/timeline.h"

#include <gtest/gtest.h>

#include "core/device.h"
#include "tests/support/devices.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

TEST(CudaTimelineTest, cuda_TellsTheTimeBetweenMoments) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  DeviceBackend& backend = device_backend(DeviceType::cuda);
  const auto stream = backend.make_stream(0);
  CudaTimeline timeline(3);
  EXPECT_TRUE(throws_error([&] { timeline.seconds_after(0); }, "cudaEventElapsedTime: "));
  // In any order: all moments are of the device of the stream that the first one is marked on.
  for (const std::size_t moment : {0, 2, 1}) timeline.mark(moment, *stream);
  backend.synchronize(*stream);
  EXPECT_GE(timeline.seconds_after(0), 0.0);
  EXPECT_LE(timeline.seconds_after(1), 0.0);
}

}  // namespace
}  // namespace lq::testing

#endif
