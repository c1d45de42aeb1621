// Shapes of convolutions that benches run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/common/conv2d_geometry.h"

namespace lq::bench {

struct ConvolutionShape {
  std::string name;  ///< "64x56x56"
  std::int64_t h = 1;
  std::int64_t w = 1;
  std::int64_t c_in = 1;
  std::int64_t c_out = 1;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;

  /// Of one image, padded SAME.
  kernels::Conv2dGeometry geometry() const;
};

/// The quantized layers of a network that differ ("resnet18", "resnet20", "vgg-small"), or what
/// others have published times of ("apnn-tc", "gemm-8192"). Throws Error for other names.
std::vector<ConvolutionShape> convolution_suite(std::string_view name);

std::vector<std::string> convolution_suites();

/// "C_IN,C_OUT,H,W,KERNEL,STRIDE"; throws Error for anything else.
ConvolutionShape parse_convolution_shape(std::string_view text);

}  // namespace lq::bench
