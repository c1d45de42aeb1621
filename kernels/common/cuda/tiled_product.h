// Products of matrices that are addressed by functions: the core of float convolutions and linear
// layers. For *_cuda.cu files.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/error.h"
#include "kernels/common/cuda/launch.h"
#include "kernels/common/cuda/scratch.h"

namespace lq::kernels::cuda {

inline constexpr int product_tile = 64;  // rows and columns of a block
inline constexpr int product_depth = 8;  // of a step
inline constexpr int product_threads = 256;
inline constexpr int product_thread_tile = 4;  // rows and columns of a thread

/// C (m x n) = sum over k of A(m, k) * B(k, n), for each of several groups.
struct ProductShape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  std::int64_t groups = 1;
  std::int64_t splits = 1;  // of k; their sums are added in a kernel of their own
};

/// Which index of a factor neighbouring elements of memory differ in: its threads follow it.
enum class Contiguous : unsigned char { depth, side };

/// Where a thread reads its two elements of a step: neighbours in memory for neighbouring threads,
/// and 32 different banks of shared memory for the lanes of a warp.
template <Contiguous contiguous>
__device__ int side_of(int element) {
  const int thread = static_cast<int>(threadIdx.x);
  return contiguous == Contiguous::depth
             ? thread / product_depth + element * (product_threads / product_depth)
             : thread % product_tile;
}
template <Contiguous contiguous>
__device__ int depth_of(int element) {
  const int thread = static_cast<int>(threadIdx.x);
  return contiguous == Contiguous::depth
             ? thread % product_depth
             : thread / product_tile + element * (product_threads / product_tile);
}

/// A block owns a tile of 64 x 64 results of a group (blockIdx.z / splits) and split, a thread 4 x
/// 4 of them, in registers. Each step brings 8 columns of A and 8 rows of B into shared memory, two
/// elements of each per thread; those of the next step are read while the products of this one are
/// added up, and the two copies of the tiles take turns, so that there is one barrier in a step.
/// Shared memory: 2 x 2 x 8 x (64 + 4) floats; rows are padded by 4, which keeps vectors of four
/// aligned and the transposed writes of `Contiguous::depth` in different banks. 128 multiply-adds
/// of a thread per 16 floats from shared memory and 4 from memory: bound by multiply-adds.
///
/// `a(group, m, k)` and `b(group, k, n)` are asked within their extents only; `store(group, split,
/// m, n, sum)` gets the results.
template <typename A, typename B, typename Store>
__global__ void __launch_bounds__(product_threads)
    tiled_product_kernel(ProductShape shape, std::int64_t split_depth, A a, B b, Store store) {
  constexpr int pitch = product_tile + 4;
  constexpr int loads = product_tile * product_depth / product_threads;
  __shared__ __align__(16) float tiles_a[2][product_depth][pitch];
  __shared__ __align__(16) float tiles_b[2][product_depth][pitch];
  const std::int64_t group = blockIdx.z / shape.splits;
  const std::int64_t split = blockIdx.z % shape.splits;
  const std::int64_t first_m = static_cast<std::int64_t>(blockIdx.x) * product_tile;
  const std::int64_t first_n = static_cast<std::int64_t>(blockIdx.y) * product_tile;
  const std::int64_t begin = split * split_depth;
  const std::int64_t end = min(begin + split_depth, shape.k);
  const int row =
      static_cast<int>(threadIdx.x) / (product_tile / product_thread_tile) * product_thread_tile;
  const int column =
      static_cast<int>(threadIdx.x) % (product_tile / product_thread_tile) * product_thread_tile;

  float next_a[loads];
  float next_b[loads];
  const auto read = [&](std::int64_t k) {
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const std::int64_t m = first_m + side_of<A::contiguous>(i);
      const std::int64_t k_a = k + depth_of<A::contiguous>(i);
      next_a[i] = m < shape.m && k_a < end ? a(group, m, k_a) : 0.0F;
      const std::int64_t n = first_n + side_of<B::contiguous>(i);
      const std::int64_t k_b = k + depth_of<B::contiguous>(i);
      next_b[i] = n < shape.n && k_b < end ? b(group, k_b, n) : 0.0F;
    }
  };
  const auto put = [&](int copy) {
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      tiles_a[copy][depth_of<A::contiguous>(i)][side_of<A::contiguous>(i)] = next_a[i];
      tiles_b[copy][depth_of<B::contiguous>(i)][side_of<B::contiguous>(i)] = next_b[i];
    }
  };

  float sums[product_thread_tile][product_thread_tile] = {};
  int copy = 0;
  read(begin);
  put(copy);
  __syncthreads();
  for (std::int64_t k = begin; k < end; k += product_depth) {
    const bool is_last = k + product_depth >= end;
    if (!is_last) read(k + product_depth);
#pragma unroll
    for (int depth = 0; depth < product_depth; ++depth) {
      const float4 left = *reinterpret_cast<const float4*>(&tiles_a[copy][depth][row]);
      const float4 right = *reinterpret_cast<const float4*>(&tiles_b[copy][depth][column]);
      const float lefts[] = {left.x, left.y, left.z, left.w};
      const float rights[] = {right.x, right.y, right.z, right.w};
#pragma unroll
      for (int i = 0; i < product_thread_tile; ++i) {
#pragma unroll
        for (int j = 0; j < product_thread_tile; ++j) sums[i][j] += lefts[i] * rights[j];
      }
    }
    copy ^= 1;
    if (!is_last) put(copy);
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < product_thread_tile; ++i) {
#pragma unroll
    for (int j = 0; j < product_thread_tile; ++j) {
      const std::int64_t m = first_m + row + i;
      const std::int64_t n = first_n + column + j;
      if (m < shape.m && n < shape.n) store(group, split, m, n, sums[i][j]);
    }
  }
}

template <typename A, typename B, typename Store>
void tiled_product(std::string_view operation, Stream& stream, const ProductShape& shape,
                   const A& a, const B& b, const Store& store) {
  constexpr std::int64_t most = std::int64_t{1} << 31;  // what Divider divides
  check(shape.m < most && shape.n < most && shape.k < most,
        "{}: a product of {} x {} x {}, on a GPU less than 2^31 each are expected", operation,
        shape.m, shape.n, shape.k);
  const std::int64_t steps = divide_up<std::int64_t>(shape.k, product_depth);
  const std::int64_t split_depth = divide_up(steps, shape.splits) * product_depth;
  const auto tiles = [](std::int64_t extent) {
    return static_cast<unsigned>(divide_up<std::int64_t>(extent, product_tile));
  };
  const LaunchShape launch_shape{
      dim3(tiles(shape.m), tiles(shape.n), static_cast<unsigned>(shape.groups * shape.splits)),
      dim3(product_threads)};
  launch(operation, tiled_product_kernel<A, B, Store>, launch_shape, stream, shape, split_depth, a,
         b, store);
}

}  // namespace lq::kernels::cuda
