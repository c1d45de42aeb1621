#include <cmath>

#include "kernels/common/cuda/launch.h"
#include "kernels/qem/qem_row.h"

namespace lq::kernels::cuda {

namespace {

constexpr int block_rows = warp_threads;
/// Doubles from one thread's system to the next: an odd number, so that threads meet in no more
/// than two banks.
constexpr int system_pitch = max_bits * max_bits + max_bits + 1;

struct Arrays {
  const std::int64_t* counts;
  const double* sums;
  const std::uint8_t* codes;
  float* basis;
  float* biased;
  std::int64_t* step;
};

/// The step that this launch takes, counted from 1, in every lane of the block's warp. Each block
/// leaves a mark above the count when it reads it; the last one takes the marks away and counts.
__device__ std::int64_t take_step(std::int64_t* step) {
  using Counter = unsigned long long;
  constexpr Counter mark = Counter{1} << 40;
  Counter before = 0;
  if (threadIdx.x == 0) {
    auto* const counter = reinterpret_cast<Counter*>(step);
    before = atomicAdd(counter, mark);
    if (before / mark + 1 == gridDim.x) atomicAdd(counter, 1 - gridDim.x * mark);
  }
  return static_cast<std::int64_t>(__shfl_sync(whole_warp, before % mark, 0)) + 1;
}

/// A thread owns a row, and in shared memory the row's system, which registers cannot index. A few
/// hundred operations in double for 2 bits: bound by the launch.
__global__ void __launch_bounds__(block_rows)
    qem_update_kernel(std::int64_t rows, int bits, QemOptions options, Arrays arrays) {
  __shared__ double systems[block_rows * system_pitch];
  const auto step = static_cast<double>(take_step(arrays.step));
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * block_rows + threadIdx.x;
  if (row >= rows) return;
  const int size = 1 << bits;
  double* const own = systems + threadIdx.x * system_pitch;
  const double correction = 1.0 - pow(options.momentum, step);
  update_row({own, own + max_bits * max_bits},
             {arrays.counts + row * size, arrays.sums + row * size, arrays.codes + row * size,
              arrays.basis + row * bits, arrays.biased + row * bits},
             bits, options, correction);
}

}  // namespace

void qem_update(Stream& stream, ConstView<std::int64_t> counts, ConstView<double> sums,
                ConstView<std::uint8_t> codes, const QemOptions& options, const QemState& state) {
  const std::int64_t rows = state.basis.shape[0];
  const LaunchShape shape{dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(rows, block_rows))),
                          dim3(block_rows)};
  launch("qem_update", qem_update_kernel, shape, stream, rows,
         static_cast<int>(state.basis.shape[1]), options,
         Arrays{counts.data, sums.data, codes.data, state.basis.data, state.biased.data,
                state.step.data});
}

}  // namespace lq::kernels::cuda
