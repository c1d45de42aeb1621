// Delivery of gradients. For *_cuda.cu files.
#pragma once

namespace lq::kernels::cuda {

/// The gradient that was there and another one. Never a part of a fused multiply-add: what is added
/// is the very number that overwriting would have left.
__device__ inline float add_gradient(float before, float gradient) {
  return __fadd_rn(before, gradient);
}

}  // namespace lq::kernels::cuda
