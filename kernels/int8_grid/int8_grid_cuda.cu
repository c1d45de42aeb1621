#include <cmath>

#include "kernels/common/cuda/launch.h"
#include "kernels/int8_grid/snap_row.h"

namespace lq::kernels::cuda {

namespace {

constexpr int block_rows = warp_threads;
/// Integers from one thread's arrays to the next: an odd number, so that each has a bank of its
/// own.
constexpr int pitch = 2 * max_grid_bits + 1;

/// A thread owns a row, and in shared memory the integers of the best fit and of the one at hand,
/// which registers cannot index. Some hundred fits of a few elements: bound by the launch.
__global__ void __launch_bounds__(block_rows)
    snap_rows_kernel(std::int64_t rows, int bits, const float* basis, float* snapped) {
  __shared__ int integers[block_rows * pitch];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * block_rows + threadIdx.x;
  if (row >= rows) return;
  const float* const own = basis + row * bits;
  int* const multiples = integers + threadIdx.x * pitch;
  double total = 0;
  for (int i = 0; i < bits; ++i) {
    total += fabs(static_cast<double>(own[i]));
    multiples[i] = 0;
  }
  SnappedRow best;
  // A basis that is not finite keeps its place, where the level table shows it.
  if (total > 0 && isfinite(total)) {
    best = snap_row(own, bits, total, multiples + max_grid_bits, multiples);
  }
  for (int i = 0; i < bits; ++i) {
    snapped[row * bits + i] =
        isfinite(total) ? static_cast<float>(best.scale * multiples[i]) : own[i];
  }
}

}  // namespace

void snap_rows_to_grid(Stream& stream, ConstView<float> basis, View<float> snapped) {
  const std::int64_t rows = basis.shape[0];
  const LaunchShape shape{dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(rows, block_rows))),
                          dim3(block_rows)};
  launch("snap_rows_to_grid", snap_rows_kernel, shape, stream, rows,
         static_cast<int>(basis.shape[1]), basis.data, snapped.data);
}

}  // namespace lq::kernels::cuda
