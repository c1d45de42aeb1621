// Batch normalization, fused with ReLU and with an activation quantizer.
#pragma once

#include "core/stream.h"
#include "kernels/common/gradient_mode.h"
#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// x is M x C: M values (N*H*W) of C channels, channel fastest. mean and variance (C) over M;
/// variance is the biased one that normalises the batch. M >= 1. Each is exact to a few roundings
/// of single precision, that of the variance relative to the variance, for any mean and wherever
/// outliers are. NaN or infinite values make both of their channel NaN or infinite.
using BatchNormStatistics = void(Stream& stream, ConstView<float> x, View<float> mean,
                                 View<float> variance);

/// running = decay * running + (1 - decay) * batch, with the variance made unbiased by
/// M / (M - 1) as TensorFlow's fused batch norm does (spec section 2.2: decay 0.9, no debiasing).
struct BatchNormRunning {
  View<float> mean;      // C
  View<float> variance;  // C
  double decay = 0.9;
  std::int64_t values = 0;  // M
};
using BatchNormUpdateRunning = void(Stream& stream, ConstView<float> mean,
                                    ConstView<float> variance, const BatchNormRunning& running);

struct BatchNormParameters {
  ConstView<float> mean;
  ConstView<float> variance;
  ConstView<float> gamma;  // absent: 1
  ConstView<float> beta;   // absent: 0
  double epsilon = 1e-5;
};

/// What follows the normalisation in the same pass over memory.
struct BatchNormActivation {
  bool relu = false;
  LevelTableView table;        // absent: no quantizer. One row.
  LevelStatistics statistics;  // of the values before quantization; all absent if not wanted
  View<std::int32_t> planes;   // codes of y, as bitpack_forward() packs them; absent if not wanted
};

/// z = gamma * (x - mean) / sqrt(variance + epsilon) + beta; a = relu ? max(z, 0) : z;
/// y = table ? level of a : a. y must not overlap x.
using BatchNormForward = void(Stream& stream, ConstView<float> x,
                              const BatchNormParameters& parameters,
                              const BatchNormActivation& activation, View<float> y);

struct BatchNormGradients {
  View<float> x;
  GradientMode x_mode = GradientMode::ignore;
  View<float> gamma;
  GradientMode gamma_mode = GradientMode::ignore;
  View<float> beta;
  GradientMode beta_mode = GradientMode::ignore;
};

struct BatchNormBackwardOptions {
  bool relu = false;
  /// 1 x 2: the quantizer's straight-through range of a (see LevelTableView); absent: everywhere.
  ConstView<float> pass_range;
  /// Whether mean and variance are functions of x (training) or constants (evaluation).
  bool batch_statistics = true;
};

/// grad_z = grad_y where (z > 0 if relu) and low < z <= high, else 0, with z recomputed from x;
/// grad_beta (+)= sum grad_z, grad_gamma (+)= sum grad_z * (x - mean) / sqrt(variance + epsilon),
/// and grad_x (+)= the gradient through z, including that of the batch statistics if they are.
using BatchNormBackward = void(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                               const BatchNormParameters& parameters,
                               const BatchNormBackwardOptions& options,
                               const BatchNormGradients& gradients);

BatchNormStatistics batch_norm_statistics;
BatchNormUpdateRunning batch_norm_update_running;
BatchNormForward batch_norm_forward;
BatchNormBackward batch_norm_backward;

namespace reference {
BatchNormStatistics batch_norm_statistics;
BatchNormUpdateRunning batch_norm_update_running;
BatchNormForward batch_norm_forward;
BatchNormBackward batch_norm_backward;

/// Loops for float and double. Parameters as plain arrays of C; gamma and beta may be null.
template <typename T>
struct BatchNormLoops {
  std::int64_t rows;
  std::int64_t channels;
  const T* gamma;
  const T* beta;
  T epsilon;

  void statistics(const T* x, T* mean, T* variance) const;
  /// z only: no activation.
  void normalize(const T* x, const T* mean, const T* variance, T* z) const;
  /// From grad_z; every gradient is overwritten, grad_gamma and grad_beta may be null.
  void backward(const T* grad_z, const T* x, const T* mean, const T* variance,
                bool batch_statistics, T* grad_x, T* grad_gamma, T* grad_beta) const;
};
}  // namespace reference

namespace cpu {
BatchNormStatistics batch_norm_statistics;
BatchNormForward batch_norm_forward;
BatchNormBackward batch_norm_backward;
}  // namespace cpu

namespace cuda {
BatchNormStatistics batch_norm_statistics;
BatchNormUpdateRunning batch_norm_update_running;
BatchNormForward batch_norm_forward;
BatchNormBackward batch_norm_backward;
}  // namespace cuda

}  // namespace lq::kernels
