// Assignment of values to levels on a GPU, with the statistics that QEM needs. For *_cuda.cu files.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/scratch.h"
#include "kernels/common/level_table_view.h"

namespace lq::kernels::cuda {

inline constexpr int assign_threads = 256;
inline constexpr int assign_values = 32;  // of a thread
/// Values of a block. Sums are in float over the values of a thread, and then in double.
inline constexpr int assign_chunk = assign_threads * assign_values;

/// What a block hands on of its chunk: for each threshold, the values above it, and their sum; at
/// index 0, of all values.
struct AboveThreshold {
  double sum;
  std::int64_t count;
};

/// The table of one row.
struct AssignTable {
  const float* levels;
  const float* thresholds;
  int size;  // levels
};

/// How many thresholds lie below a value: all of them are looked at, in the same order by all
/// lanes.
template <int thresholds>
__device__ int position_among(float value, const float* shared) {
  int position = 0;
#pragma unroll
  for (int t = 0; t < thresholds; ++t) position += value > shared[t] ? 1 : 0;
  return position;
}

__device__ inline int position_of(float value, const float* thresholds, int size) {
  switch (size) {
    case 2:
      return position_among<1>(value, thresholds);
    case 4:
      return position_among<3>(value, thresholds);
    case 8:
      return position_among<7>(value, thresholds);
    default:
      break;
  }
  // Thresholds ascend: halve the range that the value may be in.
  int position = 0;
  for (int step = size / 2; step > 0; step /= 2) {
    position += value > thresholds[position + step - 1] ? step : 0;
  }
  return position;
}

/// A block owns a chunk of a row (blockIdx.x) of `n` values (blockIdx.y), a thread 32 values that
/// are 256 apart. `source(row, i)` gives the value at i of the row. Each value is read once and
/// written once, as its level; the table lies in shared memory, where the levels of up to 5 bits
/// are in banks of their own. Values stay in registers, and for each threshold a thread adds up
/// those above it, a warp by shuffles, the block in shared memory. Bound by memory for 1 and 2
/// bits, else by comparisons.
template <bool with_statistics, typename Source>
__global__ void __launch_bounds__(assign_threads)
    assign_levels_kernel(Source source, std::int64_t n, AssignTable table, float* y,
                         AboveThreshold* partial) {
  __shared__ float levels[1 << max_bits];
  __shared__ float thresholds[1 << max_bits];
  const std::int64_t row = blockIdx.y;
  for (int l = static_cast<int>(threadIdx.x); l < table.size; l += assign_threads) {
    levels[l] = table.levels[row * table.size + l];
    if (l + 1 < table.size) thresholds[l] = table.thresholds[row * (table.size - 1) + l];
  }
  __syncthreads();

  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * assign_chunk + threadIdx.x;
  float values[assign_values];
  float total = 0;
  int valid = 0;
#pragma unroll
  for (int k = 0; k < assign_values; ++k) {
    const std::int64_t i = begin + k * assign_threads;
    values[k] = -std::numeric_limits<float>::infinity();  // above no threshold
    if (i < n) {
      values[k] = source(row, i);
      y[row * n + i] = levels[position_of(values[k], thresholds, table.size)];
      total += values[k];
      ++valid;
    }
  }
  if constexpr (with_statistics) {
    __shared__ double sums[assign_threads / warp_threads];
    __shared__ int counts[assign_threads / warp_threads];
    AboveThreshold* const to = partial + (row * gridDim.x + blockIdx.x) * table.size;
    for (int t = 0;; ++t) {
      const double sum = block_sum<assign_threads>(static_cast<double>(total), sums);
      const int count = block_sum<assign_threads>(valid, counts);
      if (threadIdx.x == 0) to[t] = {sum, count};
      if (t + 1 == table.size) break;
      const float threshold = thresholds[t];
      total = 0;
      valid = 0;
#pragma unroll
      for (int k = 0; k < assign_values; ++k) {
        const bool is_above = values[k] > threshold;
        total += is_above ? values[k] : 0.0F;
        valid += is_above ? 1 : 0;
      }
      __syncthreads();  // the sums have been read
    }
  }
}

/// One value after the other of R x n arrays.
struct RowValues {
  const float* x;
  std::int64_t n;
  __device__ float operator()(std::int64_t row, std::int64_t i) const { return x[row * n + i]; }
};

void finish_statistics(std::string_view operation, Stream& stream, const AboveThreshold* partial,
                       std::int64_t rows, std::int64_t chunks, const LevelTableView& table,
                       const LevelStatistics& statistics);

/// y = the levels of what `source` gives, R x n, and the statistics that are wanted.
template <typename Source>
void assign_levels(std::string_view operation, Stream& stream, const Source& source,
                   std::int64_t rows, std::int64_t n, const LevelTableView& table, float* y,
                   const LevelStatistics& statistics) {
  const std::int64_t chunks = ceil_divide<std::int64_t>(n, assign_chunk);
  const LaunchShape shape{dim3(static_cast<unsigned>(chunks), static_cast<unsigned>(rows)),
                          dim3(assign_threads)};
  const AssignTable from{table.levels.data, table.thresholds.data, static_cast<int>(table.size())};
  if (!statistics.counts && !statistics.sums && !statistics.non_finite) {
    launch(operation, assign_levels_kernel<false, Source>, shape, stream, source, n, from, y,
           static_cast<AboveThreshold*>(nullptr));
    return;
  }
  Scratch<AboveThreshold> partial(stream, rows * chunks * table.size());
  launch(operation, assign_levels_kernel<true, Source>, shape, stream, source, n, from, y,
         partial.data());
  finish_statistics(operation, stream, partial.data(), rows, chunks, table, statistics);
}

}  // namespace lq::kernels::cuda
