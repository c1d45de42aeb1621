// Sums over a warp and over a block, in an order that depends on nothing but the number of threads.
// For *_cuda.cu files.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace lq::kernels::cuda {

/// The sum over the lanes of a warp, in every lane. All lanes must call.
template <typename T>
__device__ T warp_sum(T value) {
#pragma unroll
  for (int distance = warp_threads / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(whole_warp, value, distance);
  }
  return value;
}

/// The largest value over the lanes of a warp, in every lane. All lanes must call.
template <typename T>
__device__ T warp_max(T value) {
#pragma unroll
  for (int distance = warp_threads / 2; distance > 0; distance /= 2) {
    const T other = __shfl_xor_sync(whole_warp, value, distance);
    value = other > value ? other : value;
  }
  return value;
}

/// The sum over a block of `threads` threads, in every thread. All threads must call; `shared` has
/// threads / 32 elements, and is free again behind the next barrier.
template <int threads, typename T>
__device__ T block_sum(T value, T* shared) {
  constexpr int warps = threads / warp_threads;
  value = warp_sum(value);
  if (threadIdx.x % warp_threads == 0) shared[threadIdx.x / warp_threads] = value;
  __syncthreads();
  T total = shared[0];
#pragma unroll
  for (int warp = 1; warp < warps; ++warp) total += shared[warp];
  return total;
}

}  // namespace lq::kernels::cuda
