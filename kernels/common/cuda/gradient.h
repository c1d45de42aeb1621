// Delivery of gradients. For *_cuda.cu files.
#pragma once

#include "kernels/common/gradient_mode.h"

namespace lq::kernels::cuda {

/// The gradient that was there and another one. Never a part of a fused multiply-add: what is added
/// is the very number that overwriting would have left.
__device__ inline float add_gradient(float before, float gradient) {
  return __fadd_rn(before, gradient);
}

/// In overwrite or accumulate mode.
__device__ inline void deliver_gradient(float& to, float gradient, GradientMode mode) {
  to = mode == GradientMode::accumulate ? add_gradient(to, gradient) : gradient;
}

}  // namespace lq::kernels::cuda
