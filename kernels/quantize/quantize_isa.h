// Parts of quantize that are compiled once per instruction set.
#pragma once

#include <cstdint>

namespace lq::kernels {

/// Statistics of a run of values before they are turned into those of positions: values above
/// each threshold, and the sum of all.
struct QuantizeRun {
  const float* x;
  float* y;
  std::int64_t n;
  const float* thresholds;
  const float* levels;
  int threshold_count;
  /// threshold_count counts and sums to add to; null when no statistics are wanted.
  std::int64_t* above_counts;
  double* above_sums;
  double* total;  // one sum to add to; never null
};

struct QuantizeKernels {
  void (*assign)(const QuantizeRun& run);
};

namespace portable {
extern const QuantizeKernels quantize_kernels;
}
namespace avx2 {
extern const QuantizeKernels quantize_kernels;
}
namespace avx512 {
extern const QuantizeKernels quantize_kernels;
}

}  // namespace lq::kernels
