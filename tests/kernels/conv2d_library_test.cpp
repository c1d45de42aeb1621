// Convolutions by cuDNN.
#if defined(LQNET_WITH_CUDA)

#include "kernels/conv2d/conv2d_library.h"

#include <gtest/gtest.h>

#include "tests/kernels/conv2d_problem.h"
#include "tests/support/backends.h"
#include "tests/support/environment.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using kernels::Conv2dGeometry;
using kernels::GradientMode;

class CudaConv2dLibraryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "no CUDA device";
  }

  Conv2dOutcome run() const { return operands.run(current_stream({DeviceType::cuda, 0})); }
  Conv2dOutcome expected() const {
    Stream oracle(Backend::reference);
    return operands.run(oracle);
  }

  const Conv2dGeometry geometry = kernels::conv2d_geometry({2, 8, 8, 64}, {64, 3, 3, 64}, {});
  const Conv2dOperands operands{geometry, 1};
};

TEST_F(CudaConv2dLibraryTest, cuda_DoesWhatIsAskedFor) {
  const std::string failure = cudnn_failure();
  const Conv2dOutcome oracle = expected();
  const auto with = [&](const char* choice) {
    const EnvironmentScope scope(conv2d_choice_variable, choice);
    expect_close(run(), oracle, geometry);
    return kernels::cuda::conv2d_implementation();
  };
  EXPECT_EQ(with("own"), "own kernels");
  if (failure.empty()) {
    EXPECT_TRUE(with(nullptr).starts_with("cuDNN 9."));
    EXPECT_EQ(with("cudnn"), with(nullptr));
  } else {
    EXPECT_EQ(with(nullptr), "own kernels (" + failure + ")");
    EXPECT_TRUE(throws_error([&] { with("cudnn"); }, "LQNET_CUDA_CONV is cudnn: " + failure));
  }
  EXPECT_TRUE(
      throws_error([&] { with("other"); }, "LQNET_CUDA_CONV is 'other', expected own or cudnn"));
}

TEST_F(CudaConv2dLibraryTest, cuda_RoundsFactorsOnlyWhereItMay) {
  if (const std::string failure = cudnn_failure(); !failure.empty()) GTEST_SKIP() << failure;
  const EnvironmentScope choice(conv2d_choice_variable, "cudnn");
  const Conv2dOutcome exact = run();
  const Conv2dOutcome oracle = expected();
  expect_close(exact, oracle, geometry);
  for (const char* const precision : {"tf32", "fp16"}) {
    const EnvironmentScope scope("LQNET_CUDA_PRECISION", precision);
    const Conv2dOutcome rounded = run();
    for (Tensor Conv2dOutcome::*const result :
         {&Conv2dOutcome::y, &Conv2dOutcome::grad_x, &Conv2dOutcome::grad_weight}) {
      EXPECT_NE(values(rounded.*result), values(exact.*result)) << precision;
      // Up to 576 products of numbers below 5, both factors rounded to 11 bits.
      EXPECT_TRUE(all_close((rounded.*result).span<float>(), (oracle.*result).span<float>(), 0,
                            576 * 25 * 2 * 0x1p-11))
          << precision;
    }
  }
}

// Own kernels would hide that cuDNN has no way to compute something.
TEST_F(CudaConv2dLibraryTest, cuda_ComputesConvolutionsItself) {
  const auto& library = kernels::cuda::conv2d_library();
  if (!library.failure.empty()) GTEST_SKIP() << library.failure;
  Stream& stream = current_stream({DeviceType::cuda, 0});
  const Conv2dGeometry layers[] = {
      geometry, kernels::conv2d_geometry({2, 16, 16, 3}, {16, 3, 3, 3}, {}),
      kernels::conv2d_geometry({2, 8, 8, 16}, {32, 1, 1, 16}, {.stride_h = 2, .stride_w = 2})};
  for (const Conv2dGeometry& layer : layers) {
    const auto on_device = [&](const Shape& shape) {
      return Tensor::zeros(shape, DType::f32, stream.device());
    };
    Tensor x = on_device(layer.x_shape()), weight = on_device(layer.weight_shape()),
           y = on_device(layer.y_shape());
    const auto x_view = x.view<float>(), weight_view = weight.view<float>(),
               y_view = y.view<float>();
    EXPECT_TRUE(library.forward(stream, layer, x_view, weight_view, {}, y_view))
        << layer.to_string();
    for (const GradientMode mode : {GradientMode::overwrite, GradientMode::accumulate}) {
      EXPECT_TRUE(library.backward_data(stream, layer, y_view, weight_view, x_view, mode))
          << layer.to_string();
      EXPECT_TRUE(library.backward_weights(stream, layer, y_view, x_view, weight_view, mode))
          << layer.to_string();
    }
  }
}

TEST_F(CudaConv2dLibraryTest, cuda_FallbacksAreCounted) {
  if (const std::string failure = cudnn_failure(); !failure.empty()) GTEST_SKIP() << failure;
  const EnvironmentScope choice(conv2d_choice_variable, "cudnn");
  Stream& stream = current_stream({DeviceType::cuda, 0});
  const Conv2dGeometry layer = kernels::conv2d_geometry({1, 3, 3, 4}, {4, 1, 1, 4}, {});
  const Tensor x = Tensor::zeros({37}, DType::f32, stream.device()),
               weight = Tensor::zeros(layer.weight_shape(), DType::f32, stream.device());
  Tensor y = Tensor::zeros(layer.y_shape(), DType::f32, stream.device());
  const auto forward = [&](std::int64_t first) {
    kernels::conv2d_forward(stream, layer, {x.data<float>() + first, layer.x_shape(), x.device()},
                            weight.view<float>(), {}, y.view<float>());
    return kernels::cuda::conv2d_fallbacks();
  };
  const std::int64_t before = kernels::cuda::conv2d_fallbacks();
  EXPECT_EQ(forward(0), before);
  // The stand-in's heuristics have engines for vectors alone; a real cuDNN may have a way.
  const std::int64_t after = forward(1);
  if (after == before) GTEST_SKIP() << "cuDNN takes floats that are not aligned";
  EXPECT_EQ(after, before + 1);
  EXPECT_EQ(forward(1), after);
}

}  // namespace
}  // namespace lq::testing

#endif
