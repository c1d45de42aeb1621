// Results that may vary from run to run, and those that may not.
#if defined(LQNET_WITH_CUDA)

#include "kernels/common/cuda/determinism.h"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "kernels/common/cuda/float_convolution.h"
#include "tests/kernels/conv2d_problem.h"
#include "tests/support/backends.h"
#include "tests/support/environment.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using kernels::Conv2dGeometry;
using kernels::GradientMode;

constexpr const char* variable = "LQNET_CUDA_DETERMINISTIC";
constexpr Device device{DeviceType::cuda, 0};

TEST(DeterminismTest, IsWantedUnlessTheEnvironmentSaysOtherwise) {
  const auto with = [](const char* value) {
    const EnvironmentScope scope(variable, value);
    return kernels::cuda::wants_determinism();
  };
  EXPECT_TRUE(with(nullptr));
  EXPECT_TRUE(with("1"));
  EXPECT_FALSE(with("0"));
  for (const char* const wrong : {"", "2", "no"}) {
    EXPECT_TRUE(
        throws_error([&] { with(wrong); },
                     fmt::format("LQNET_CUDA_DETERMINISTIC is '{}', expected 0 or 1", wrong)));
  }
}

bool is_emulated() { return device_backend(DeviceType::cuda).describe(0).starts_with("Emulated"); }

/// Own kernels, whose sums are split over blocks: few results of many terms in all passes.
class SplitSumsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "no CUDA device";
  }

  static std::vector<Conv2dGeometry> geometries() {
    return {
        kernels::conv2d_geometry({4, 8, 8, 32}, {32, 3, 3, 32}, {}),
        kernels::conv2d_geometry({4, 9, 7, 32}, {64, 3, 3, 32}, {.stride_h = 2, .stride_w = 3}),
        kernels::conv2d_geometry({4, 8, 8, 64}, {64, 3, 3, 32}, {.groups = 2}),
        // A pixel's gradient has no terms where the stride leaves it out.
        kernels::conv2d_geometry({4, 16, 16, 64}, {256, 1, 1, 64}, {.stride_h = 2, .stride_w = 2}),
        kernels::cuda::linear_geometry(256, 256, 64)};
  }
  /// Lines that fours do not fit.
  static std::vector<Conv2dGeometry> odd_geometries() {
    return {kernels::conv2d_geometry({4, 8, 8, 33}, {35, 3, 3, 33}, {}),
            kernels::cuda::linear_geometry(256, 257, 65)};
  }

  static Conv2dOutcome run(const Conv2dGeometry& geometry, const char* is_deterministic) {
    const EnvironmentScope scope(variable, is_deterministic);
    return Conv2dOperands(geometry, 3).run(current_stream(device));
  }
  static Conv2dOutcome expected(const Conv2dGeometry& geometry) {
    Stream oracle(Backend::reference);
    return Conv2dOperands(geometry, 3).run(oracle);
  }
  static std::vector<float> all_values(const Conv2dOutcome& outcome) {
    std::vector<float> all;
    for (const Tensor* const tensor :
         {&outcome.y, &outcome.y_with_bias, &outcome.grad_x, &outcome.grad_weight,
          &outcome.grad_bias, &outcome.added_x, &outcome.added_weight, &outcome.added_bias}) {
      const std::vector<float> more = values(*tensor);
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }

  const EnvironmentScope own{conv2d_choice_variable, "own"};
};

TEST_F(SplitSumsTest, cuda_BothWaysGiveTheSumsOfTheOracle) {
  for (const auto& list : {geometries(), odd_geometries()}) {
    for (const Conv2dGeometry& geometry : list) {
      const Conv2dOutcome oracle = expected(geometry);
      expect_close(run(geometry, "1"), oracle, geometry);
      expect_close(run(geometry, "0"), oracle, geometry);
    }
  }
}

TEST_F(SplitSumsTest, cuda_OrderedSumsAreTheSameEachTime) {
  for (const Conv2dGeometry& geometry : geometries()) {
    const std::vector<float> first = all_values(run(geometry, "1"));
    EXPECT_EQ(all_values(run(geometry, nullptr)), first) << geometry.to_string();
  }
  // Nor do they vary where nothing is gained.
  for (const Conv2dGeometry& geometry : odd_geometries()) {
    EXPECT_EQ(all_values(run(geometry, "0")), all_values(run(geometry, "1")))
        << geometry.to_string();
  }
}

/// The most memory that was in use beside the operands.
std::size_t scratch_bytes(const Conv2dGeometry& geometry,
                          void (*pass)(const Conv2dGeometry&, Stream&, float*, float*, float*)) {
  Stream& stream = current_stream(device);
  Tensor x = Tensor::zeros(geometry.x_shape(), DType::f32, device),
         weight = Tensor::zeros(geometry.weight_shape(), DType::f32, device),
         y = Tensor::zeros(geometry.y_shape(), DType::f32, device);
  DeviceMemory& memory = device_memory(device);
  memory.reset_peak();
  const std::size_t before = memory.use().bytes;
  pass(geometry, stream, x.data<float>(), weight.data<float>(), y.data<float>());
  return memory.use().peak_bytes - before;
}

// Parts that are added as they come need no memory: that shows which way was taken.
TEST_F(SplitSumsTest, cuda_AtomicSumsKeepNoParts) {
  const auto forward = [](const Conv2dGeometry& g, Stream& stream, float* x, float* w, float* y) {
    kernels::cuda::float_convolution_forward("test", stream, g, x, w, nullptr, y);
  };
  const auto backward_data = [](const Conv2dGeometry& g, Stream& stream, float* x, float* w,
                                float* y) {
    kernels::cuda::float_convolution_backward_data("test", stream, g, y, w, x,
                                                   GradientMode::overwrite);
  };
  const auto backward_weights = [](const Conv2dGeometry& g, Stream& stream, float* x, float* w,
                                   float* y) {
    kernels::cuda::float_convolution_backward_weights("test", stream, g, y, x, w,
                                                      GradientMode::overwrite);
  };
  const Conv2dGeometry geometry = geometries()[0];
  bool is_atomic = false;
  {
    const EnvironmentScope scope(variable, "0");
    is_atomic = kernels::cuda::adds_atomically(device);
    if (is_emulated()) {
      int major = 0;
      ASSERT_EQ(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), cudaSuccess);
      EXPECT_EQ(is_atomic, major >= 9);
    }
  }
  for (const auto pass : {+forward, +backward_data, +backward_weights}) {
    const auto with = [&](const char* value) {
      const EnvironmentScope scope(variable, value);
      return scratch_bytes(geometry, pass);
    };
    EXPECT_GT(with("1"), 0U);
    EXPECT_EQ(with("0") == 0, is_atomic);
  }
}

// A stand-in's results differ from the exact ones where it says that they vary.
TEST_F(SplitSumsTest, cuda_CudnnMayVaryOnlyWhereItIsAllowedTo) {
  if (const std::string failure = cudnn_failure(); !failure.empty()) GTEST_SKIP() << failure;
  const EnvironmentScope library(conv2d_choice_variable, "cudnn");
  const Conv2dGeometry geometry = geometries()[0];
  const Conv2dOutcome oracle = expected(geometry);
  const Conv2dOutcome first = run(geometry, "1"), varying = run(geometry, "0");
  expect_close(first, oracle, geometry);
  expect_close(varying, oracle, geometry);
  EXPECT_EQ(all_values(run(geometry, "1")), all_values(first));
  if (is_emulated()) {
    EXPECT_NE(all_values(varying), all_values(first));
  }
}

}  // namespace
}  // namespace lq::testing

#endif
