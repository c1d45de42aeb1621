// Parts of batch norm that are compiled once per instruction set.
//
// Channels are few and odd numbers of them occur, so the loops do not run over channels: a
// *period* is a whole number of pixels, about 1024 values, and every per-channel quantity is laid
// out once as an array of that length. All loops are then flat and vectorise for any C.
#pragma once

#include <cstdint>

namespace lq::kernels {

/// A run of values that starts at channel 0; per-channel arrays have `period` values.
struct BatchNormRun {
  const float* x;
  std::int64_t n;
  std::int64_t period;
};

struct BatchNormForwardRun {
  BatchNormRun run;
  const float* scale;  // period: z = x * scale + offset
  const float* offset;
  bool relu;
  float* y;
  // Quantizer; threshold_count 0: none.
  const float* thresholds;
  const float* levels;
  int threshold_count;
  std::int64_t* above_counts;  // null: no statistics
  double* above_sums;
  double* total;     // one sum of a, to add to
  float* activated;  // scratch: period values, used with a quantizer
};

struct BatchNormBackwardRun {
  BatchNormRun run;
  const float* scale;
  const float* offset;
  float low;  // grad_z = grad_y where low < z <= high
  float high;
  const float* grad_y;
};

struct BatchNormKernels {
  /// sum[i % period] += x - shift.
  void (*sums)(const BatchNormRun& run, const float* shift, float* sum);
  /// sum[i % period] += x - shift, squares[i % period] += (x - shift)^2.
  void (*moments)(const BatchNormRun& run, const float* shift, float* sum, float* squares);
  void (*forward)(const BatchNormForwardRun& run);
  /// sum[i % period] += grad_z, product[i % period] += grad_z * (x - mean).
  void (*backward_sums)(const BatchNormBackwardRun& run, const float* mean, float* sum,
                        float* product);
  /// grad_x (+)= grad_z * scale + x * slope + constant.
  void (*backward_input)(const BatchNormBackwardRun& run, const float* slope, const float* constant,
                         float* grad_x, bool accumulate);
};

namespace portable {
extern const BatchNormKernels batch_norm_kernels;
}
namespace avx2 {
extern const BatchNormKernels batch_norm_kernels;
}
namespace avx512 {
extern const BatchNormKernels batch_norm_kernels;
}

}  // namespace lq::kernels
