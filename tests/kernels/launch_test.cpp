// Launches of kernels on a GPU: whose error is reported, and how.
#if defined(LQNET_WITH_CUDA)

#include "kernels/common/cuda/launch.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/cuda/graph.h"
#include "core/tensor.h"
#include "kernels/relu/relu.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/environment.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

const Device cuda{DeviceType::cuda, 0};

class LaunchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
    stream = &current_stream(cuda);
  }

  /// A launch that nothing is wrong with.
  void expect_good_launch() {
    const Tensor x = Tensor::from(std::vector{-1.0F, 2.0F, -3.0F, 4.0F, 5.0F}, {5}, cuda);
    Tensor y({5}, DType::f32, cuda);
    kernels::relu_forward(*stream, x.view<float>(), y.view<float>());
    EXPECT_TRUE(
        all_close(y.to(Device{}).span<float>(), std::vector{0.0F, 2.0F, 0.0F, 4.0F, 5.0F}, 0, 0));
  }

  Stream* stream = nullptr;
};

TEST_F(LaunchTest, cuda_ErrorsOfOthersAreNotTheirs) {
  EXPECT_EQ(cudaSetDevice(1 << 20), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidDevice);
  expect_good_launch();
  cudaGetLastError();
}

TEST_F(LaunchTest, cuda_SpoiltCapturesLeaveNoErrorBehind) {
  const auto own = device_backend(DeviceType::cuda).make_stream(0);
  // Waiting for a stream that is captured spoils the capture.
  EXPECT_TRUE(throws_error(
      [&] { CudaGraph(*own, [&] { device_backend(DeviceType::cuda).synchronize(*own); }); },
      "cudaStreamSynchronize: cudaErrorStreamCapture"));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  expect_good_launch();
}

TEST_F(LaunchTest, cuda_CapturedLaunchesAreRecorded) {
  const auto own = device_backend(DeviceType::cuda).make_stream(0);
  const StreamScope scope(*own);
  const Tensor x = Tensor::from(std::vector{-1.0F, 2.0F}, {2}, cuda);
  Tensor y = Tensor::full({2}, 7.0F, cuda);
  const CudaGraph graph(*own,
                        [&] { kernels::relu_forward(*own, x.view<float>(), y.view<float>()); });
  EXPECT_TRUE(all_close(y.to(Device{}).span<float>(), std::vector{7.0F, 7.0F}, 0, 0));
  graph.launch(*own);
  EXPECT_TRUE(all_close(y.to(Device{}).span<float>(), std::vector{0.0F, 2.0F}, 0, 0));
}

void no_kernel(int) {}

TEST_F(LaunchTest, cuda_RefusedOnesTellOperationAndShape) {
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::cuda::launch("an_operation", no_kernel, {dim3(2, 3, 4), dim3(64, 2), 48}, *stream,
                              1);
      },
      "an_operation: grid 2 x 3 x 4, block 64 x 2 x 1, 48 bytes of dynamic shared memory: "
      "cudaErrorInvalidDeviceFunction: "));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  expect_good_launch();
}

TEST_F(LaunchTest, cuda_EmptyGridsAreNone) {
  for (const dim3& grid : {dim3(0), dim3(1, 0), dim3(1, 1, 0)}) {
    kernels::cuda::launch("an_operation", no_kernel, {grid, dim3(64)}, *stream, 1);
  }
}

TEST(LaunchVariableTest, IsReadFromTheEnvironment) {
  const auto with = [](const char* value) {
    const EnvironmentScope scope("LQNET_CUDA_SYNC", value);
    return kernels::cuda::wanted_synchronization();
  };
  EXPECT_FALSE(with(nullptr));
  EXPECT_FALSE(with("0"));
  EXPECT_TRUE(with("1"));
  EXPECT_TRUE(throws_error([&] { with("yes"); }, "LQNET_CUDA_SYNC is 'yes', expected 0 or 1"));
}

TEST(LaunchFaultTest, cuda_NamesTheKernelThatFailed) {
  const bool waits = kernels::cuda::wanted_synchronization();
  if (!has_cuda_device() || !waits || std::getenv("LQNET_EMULATED_CONTINUE") == nullptr) {
    GTEST_SKIP() << "leaves a device that cannot be used: runs alone, with LQNET_CUDA_SYNC=1 and "
                    "LQNET_EMULATED_CONTINUE=1";
  }
  Stream& stream = current_stream(cuda);
  Tensor y({5}, DType::f32, cuda);
  const ConstView<float> nowhere(reinterpret_cast<const float*>(256), {5}, cuda);
  EXPECT_TRUE(throws_error([&] { kernels::relu_forward(stream, nowhere, y.view<float>()); },
                           "relu_forward: grid 1 x 1 x 1, block 256 x 1 x 1, 0 bytes of dynamic "
                           "shared memory: cudaError"));
}

}  // namespace
}  // namespace lq::testing

#endif
