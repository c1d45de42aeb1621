// Plans of the real cuDNN for a device that is not there: it knows the properties alone. So cuDNN
// itself judges the graphs that are built for it, on machines without a GPU.

#if defined(LQNET_WITH_CUDNN)

#include "kernels/conv2d/cudnn_plan.h"

#include <gtest/gtest.h>

#include <optional>
#include <string_view>

#include "tests/support/backends.h"

namespace lq::testing {
namespace {

using kernels::Conv2dGeometry;
using kernels::Conv2dOptions;
using kernels::Padding;
using kernels::cuda::ConvolutionNumbers;
using kernels::cuda::ConvolutionPass;
using kernels::cuda::CudnnDescriptor;
using kernels::cuda::FloatPrecision;

// As cuDNN 9.19 writes them.
constexpr std::string_view a100 = R"({"deviceName": "NVIDIA A100-SXM4-40GB", "cudaDeviceId": 0,
"deviceVer": 800, "driverVer": 13000, "multiProcessorCount": 108, "warpSize": 32,
"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536,
"maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 166912,
"reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536, "maxCtasPerSM": 32,
"maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 0, "isTccDriver": 0,
"supportCoopLaunch": 1, "smClockRateKHz": 1410000, "memClockRateKHz": 1215000,
"l2CacheSize": 41943040, "totalGlobalMem": 42505273344})";

class CudnnPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (has_cuda_device()) GTEST_SKIP() << "other tests run plans on the device that is there";
    try {
      properties.emplace(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
      const std::string text(a100);
      properties->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                      std::span<const char>(text.c_str(), text.size() + 1));
      properties->finalize();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();  // no cuDNN, or one with other properties
    }
  }

  bool has_plan(const Conv2dGeometry& geometry, ConvolutionPass pass, FloatPrecision precision,
                bool accumulates = false) const {
    return kernels::cuda::find_plan({.handle = nullptr, .properties = &*properties},
                                    {.geometry = geometry,
                                     .pass = pass,
                                     .accumulates = accumulates,
                                     .is_aligned = true,
                                     .precision = precision})
        .has_value();
  }

  std::optional<CudnnDescriptor> properties;
};

const Conv2dOptions halving{.stride_h = 2, .stride_w = 2};
constexpr ConvolutionPass passes[] = {ConvolutionPass::forward, ConvolutionPass::backward_data,
                                      ConvolutionPass::backward_weights};

TEST_F(CudnnPlanTest, LayersOfTheNetworksHavePlans) {
  const Conv2dGeometry layers[] = {
      kernels::conv2d_geometry({128, 32, 32, 3}, {16, 3, 3, 3}, {}),
      kernels::conv2d_geometry({128, 32, 32, 16}, {16, 3, 3, 16}, {}),
      kernels::conv2d_geometry({128, 32, 32, 16}, {32, 3, 3, 16}, halving),
      kernels::conv2d_geometry({128, 8, 8, 64}, {64, 3, 3, 64}, {}),
      kernels::conv2d_geometry({32, 56, 56, 64}, {128, 1, 1, 64}, halving),
      kernels::conv2d_geometry({32, 227, 227, 3}, {96, 11, 11, 3},
                               {.stride_h = 4, .stride_w = 4, .padding = Padding::valid()}),
      kernels::conv2d_geometry({32, 27, 27, 96}, {256, 5, 5, 48}, {.groups = 2}),
      // A kernel that does not fit with the padding before the map on both of its sides.
      kernels::conv2d_geometry({1, 3, 2, 4}, {4, 5, 5, 4}, {.stride_h = 4, .stride_w = 4})};
  for (const Conv2dGeometry& layer : layers) {
    for (const ConvolutionPass pass : passes) {
      for (const FloatPrecision precision :
           {FloatPrecision::fp32, FloatPrecision::tf32, FloatPrecision::fp16}) {
        const bool has = has_plan(layer, pass, precision);
        EXPECT_TRUE(has) << layer.to_string() << " pass " << static_cast<int>(pass) << " precision "
                         << static_cast<int>(precision);
        if (pass == ConvolutionPass::forward) continue;
        EXPECT_TRUE(has_plan(layer, pass, precision, /*accumulates=*/true)) << layer.to_string();
      }
    }
  }
}

/// What `lqnet bench cuda` compares with.
TEST_F(CudnnPlanTest, QuantizedLayersHavePlansInHalvesAndBytes) {
  const Conv2dGeometry layers[] = {
      kernels::conv2d_geometry({1, 56, 56, 64}, {64, 3, 3, 64}, {}),
      kernels::conv2d_geometry({8, 7, 7, 512}, {512, 3, 3, 512}, {}),
      kernels::conv2d_geometry({8, 56, 56, 64}, {128, 3, 3, 64}, halving),
      kernels::conv2d_geometry({1, 56, 56, 64}, {128, 1, 1, 64}, halving),
      kernels::conv2d_geometry({1, 32, 32, 16}, {16, 3, 3, 16}, {}),
      kernels::conv2d_geometry({1, 16, 16, 1024}, {1024, 3, 3, 1024}, {}),
      kernels::conv2d_geometry({1, 64, 128, 8192}, {8192, 1, 1, 8192}, {})};
  for (const Conv2dGeometry& layer : layers) {
    for (const ConvolutionNumbers numbers :
         {ConvolutionNumbers::halves, ConvolutionNumbers::bytes}) {
      const auto plans = kernels::cuda::find_plans(
          {.handle = nullptr, .properties = &*properties},
          {.geometry = layer, .is_aligned = true, .numbers = numbers, .may_vary = true}, 100);
      EXPECT_FALSE(plans.empty()) << layer.to_string() << " numbers " << static_cast<int>(numbers);
    }
  }
}

TEST_F(CudnnPlanTest, MisfitsAreErrorsOfCudnn) {
  Conv2dGeometry geometry = kernels::conv2d_geometry({128, 8, 8, 64}, {64, 3, 3, 64}, {});
  geometry.out_h = 5;
  EXPECT_THROW(has_plan(geometry, ConvolutionPass::forward, FloatPrecision::fp32), Error);
}

}  // namespace
}  // namespace lq::testing

#endif
