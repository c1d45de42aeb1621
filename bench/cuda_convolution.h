// How long packed convolutions take on a GPU.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/convolution_problem.h"
#include "bench/convolution_shapes.h"
#include "core/device.h"

namespace lq::bench {

struct CudaConvolutionOptions {
  std::vector<ConvolutionShape> shapes;
  std::vector<BitWidths> widths;
  std::vector<std::int64_t> batches = {1};
  int rounds = 50;  ///< the median counts
  /// Writes over the device's second-level cache before each run.
  bool cold = false;
  Device device{DeviceType::cuda, 0};
};

struct CudaConvolutionTiming {
  std::string layer;
  BitWidths widths;
  std::int64_t batch = 1;
  double us = 0;  ///< of the kernels, with thresholds and repacking; launched as one CUDA graph
  double tops =
      0;  ///< 2 x multiply-accumulates (of bits, or of bytes on the grid) per second / 1e12
  /// Of the tensor cores' peak for this arithmetic; nothing for a device that gpu_spec.h does not
  /// know.
  std::optional<double> peak_percent;
};

/// Every result of the whole layer is compared with the CPU's before it is timed. Throws Error for
/// options out of range, when the comparison fails, and in a build or on a machine without CUDA.
std::vector<CudaConvolutionTiming> time_cuda_convolutions(const CudaConvolutionOptions& options);

}  // namespace lq::bench
