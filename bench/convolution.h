// How long packed convolutions take, beside oneDNN's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/convolution_problem.h"
#include "bench/convolution_shapes.h"

namespace lq::bench {

struct ConvolutionBenchOptions {
  std::vector<ConvolutionShape> shapes;
  std::vector<BitWidths> widths;
  std::vector<std::int64_t> batches = {1};
  std::vector<int> threads = {1};
  int rounds = 20;  ///< each times all contestants once, in turns; the fastest round counts
};

struct ConvolutionTiming {
  std::string layer;
  BitWidths widths;
  std::string arithmetic;  ///< "bits", or "int8" for levels on an integer grid
  std::int64_t batch = 1;
  int threads = 1;
  double us = 0;       ///< of the packed convolution, with thresholds and repacking
  double fp32_us = 0;  ///< of oneDNN in f32 with ReLU
  double int8_us = 0;  ///< of oneDNN in int8 with ReLU and requantization
  /// Bit multiply-accumulates against popcount_peak() times threads, where bits are counted.
  std::optional<double> peak_percent;
};

/// Times every combination; `report` sees each one when it is done. Before it is timed, each
/// packed convolution is compared with the reference implementation on a small map. Throws Error
/// for options out of range, and when the comparison fails.
std::vector<ConvolutionTiming> time_convolutions(
    const ConvolutionBenchOptions& options,
    const std::function<void(const ConvolutionTiming&)>& report);

/// Geometric mean of how many times faster than int8 (or fp32) these are.
double geometric_mean_speedup(const std::vector<ConvolutionTiming>& timings,
                              double ConvolutionTiming::*peer);

}  // namespace lq::bench
