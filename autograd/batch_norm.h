// Batch normalization with what follows it.
#pragma once

#include "autograd/level_table.h"
#include "autograd/variable.h"

namespace lq::autograd {

struct BatchNormOptions {
  double epsilon = 1e-5;
  double decay = 0.9;      ///< of the running statistics (spec section 2.2)
  bool training = true;    ///< statistics of the batch, and an update of the running ones
  bool per_layer = false;  ///< one mean and variance for all channels (spec section 3.4)
};

/// Tensors of one normalization. With `per_layer`, the running tensors have one element.
struct BatchNormState {
  Variable gamma;  // C; undefined: 1
  Variable beta;   // C; undefined: 0
  Tensor running_mean;
  Tensor running_variance;
};

/// What is computed in the same pass over memory.
struct FusedActivation {
  bool relu = false;
  const LevelTable* table = nullptr;      ///< quantizer of one row, or none
  LevelStatistics* statistics = nullptr;  ///< of the values that were quantized
  bool packs_codes = false;               ///< the result's codes, too, where they can be packed
};

/// x is N x H x W x C or N x C, normalised over all but C; then ReLU and quantization as asked.
/// Backward goes through the quantizer straight (spec section 2.5) and recomputes the normalised
/// values from x: saved are x, mean, variance and the pass range, never the intermediate results.
/// A quantized result knows the table (Variable::levels()), and its codes if asked
/// (Variable::codes()). Recorded as "batch_norm" with attributes epsilon, per_layer, relu, quantize
/// and constants running_mean, running_variance.
Variable batch_norm(const Variable& x, BatchNormState& state, const BatchNormOptions& options,
                    const FusedActivation& activation = {});

}  // namespace lq::autograd
