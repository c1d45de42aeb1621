// How long packed convolutions take on a GPU, beside those of libraries.
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
  int rounds = 50;  ///< each runs all contestants of a layer once, in turns; the median counts
  /// How often a run does a layer's work, as one CUDA graph: its time is divided by that.
  int repeats = 20;
  /// Writes over the device's second-level cache before each time, which does not count.
  bool cold = false;
  /// Whether libraries take part.
  bool has_peers = true;
  Device device{DeviceType::cuda, 0};
};

/// A library's convolution of the same layer, or product where it is one, in numbers of its own.
struct CudaPeerTiming {
  std::string library;  ///< "cuDNN"
  std::string numbers;  ///< "fp16" or "int8"
  std::optional<double> us;
  std::string missing;  ///< why there is no time, in a line
};

struct CudaConvolutionTiming {
  ConvolutionShape shape;
  BitWidths widths;
  std::int64_t batch = 1;
  double us = 0;    ///< of the kernels, with thresholds and repacking, once
  double tops = 0;  ///< 2 x multiply-accumulates (of bits, or of bytes on the grid) / s / 1e12
  /// Of the tensor cores' peak for this arithmetic; nothing for a device that gpu_spec.h does not
  /// know.
  std::optional<double> peak_percent;
  /// What the library has chosen, as kernels::cuda::BitconvWay says it.
  std::string path;
  std::string instructions;
  std::string tile;  ///< empty where there is none
  int splits = 1;
  std::vector<CudaPeerTiming> peers;

  /// How many times faster than the fastest library with these numbers; nothing without one.
  std::optional<double> speedup_over(std::string_view numbers) const;
};

struct CudaConvolutionReport {
  std::vector<std::string> libraries;  ///< "cuDNN 9.19.0", or why there is none
  std::vector<CudaConvolutionTiming> timings;
};

/// Every result of the whole layer is compared with the CPU's before it is timed, those of
/// libraries, too. Throws Error for options out of range, when the comparison fails, and in a build
/// or on a machine without CUDA.
CudaConvolutionReport time_cuda_convolutions(const CudaConvolutionOptions& options);

}  // namespace lq::bench
