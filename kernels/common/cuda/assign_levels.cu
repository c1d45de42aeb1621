#include "kernels/common/cuda/assign_levels.h"

namespace lq::kernels::cuda {

namespace {

constexpr int finish_threads = 512;

/// A block owns a row, a warp a threshold (or, at index 0, all values), a lane every 32nd chunk.
/// Then a thread owns a level, whose statistics are the differences of two thresholds'. Nothing but
/// the chunks' partial results is read: bound by the launch.
__global__ void __launch_bounds__(finish_threads)
    finish_statistics_kernel(const AboveThreshold* partial, std::int64_t chunks, int size,
                             std::int64_t* counts, double* sums, std::int32_t* non_finite) {
  __shared__ AboveThreshold above[1 << max_bits];
  const std::int64_t row = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  for (int t = static_cast<int>(threadIdx.x) / warp_threads; t < size;
       t += finish_threads / warp_threads) {
    AboveThreshold own{};
    for (std::int64_t chunk = lane; chunk < chunks; chunk += warp_threads) {
      const AboveThreshold& of_chunk = partial[(row * chunks + chunk) * size + t];
      own.sum += of_chunk.sum;
      own.count += of_chunk.count;
    }
    own = {warp_sum(own.sum), warp_sum(own.count)};
    if (lane == 0) above[t] = own;
  }
  __syncthreads();
  for (int l = static_cast<int>(threadIdx.x); l < size; l += finish_threads) {
    const AboveThreshold next = l + 1 < size ? above[l + 1] : AboveThreshold{};
    if (counts != nullptr) counts[row * size + l] = above[l].count - next.count;
    if (sums != nullptr) sums[row * size + l] = above[l].sum - next.sum;
  }
  if (threadIdx.x == 0 && non_finite != nullptr) {
    const bool is_finite = isfinite(above[0].sum);
    if (gridDim.x == 1) {
      *non_finite = is_finite ? 0 : 1;
    } else if (!is_finite) {
      atomicOr(non_finite, 1);
    }
  }
}

}  // namespace

void finish_statistics(std::string_view operation, Stream& stream, const AboveThreshold* partial,
                       std::int64_t rows, std::int64_t chunks, const LevelTableView& table,
                       const LevelStatistics& statistics) {
  if (statistics.non_finite && rows != 1) {  // to which each of them adds
    device_memory(stream.device()).zero(statistics.non_finite.data, sizeof(std::int32_t), stream);
  }
  launch(operation, finish_statistics_kernel,
         {dim3(static_cast<unsigned>(rows)), dim3(finish_threads)}, stream, partial, chunks,
         static_cast<int>(table.size()), statistics.counts.data, statistics.sums.data,
         statistics.non_finite.data);
}

}  // namespace lq::kernels::cuda
