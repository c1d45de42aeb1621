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
  const std::int64_t* step;
};

/// A thread owns a row, and in shared memory the row's system, which registers cannot index. A few
/// hundred operations in double for 2 bits: bound by the launch.
__global__ void __launch_bounds__(block_rows)
    qem_update_kernel(std::int64_t rows, int bits, QemOptions options, Arrays arrays) {
  __shared__ double systems[block_rows * system_pitch];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * block_rows + threadIdx.x;
  if (row >= rows) return;
  const int size = 1 << bits;
  double* const own = systems + threadIdx.x * system_pitch;
  const double correction = 1.0 - pow(options.momentum, static_cast<double>(*arrays.step + 1));
  update_row({own, own + max_bits * max_bits},
             {arrays.counts + row * size, arrays.sums + row * size, arrays.codes + row * size,
              arrays.basis + row * bits, arrays.biased + row * bits},
             bits, options, correction);
}

/// Behind the update of all rows, which read the step.
__global__ void __launch_bounds__(1) count_step_kernel(std::int64_t* step) { ++*step; }

}  // namespace

void qem_update(Stream& stream, ConstView<std::int64_t> counts, ConstView<double> sums,
                ConstView<std::uint8_t> codes, const QemOptions& options, const QemState& state) {
  constexpr std::string_view operation = "qem_update";
  const std::int64_t rows = state.basis.shape[0];
  const LaunchShape shape{dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(rows, block_rows))),
                          dim3(block_rows)};
  launch(operation, qem_update_kernel, shape, stream, rows, static_cast<int>(state.basis.shape[1]),
         options,
         Arrays{counts.data, sums.data, codes.data, state.basis.data, state.biased.data,
                state.step.data});
  launch(operation, count_step_kernel, {dim3(1), dim3(1)}, stream, state.step.data);
}

}  // namespace lq::kernels::cuda
