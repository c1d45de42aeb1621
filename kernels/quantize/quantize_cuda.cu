#include "kernels/common/cuda/assign_levels.h"
#include "kernels/common/cuda/elementwise.h"
#include "kernels/common/cuda/gradient.h"
#include "kernels/common/cuda/row_chunks.h"
#include "kernels/quantize/quantize.h"

namespace lq::kernels::cuda {

namespace {

constexpr int backward_threads = 256;
constexpr int backward_values = 4;  // of a thread
constexpr int backward_chunk = backward_threads * backward_values;

/// A block owns a chunk of a row, a thread every 256th value of it: bound by memory.
template <bool accumulates>
__global__ void __launch_bounds__(backward_threads)
    quantize_backward_kernel(RowChunks chunks, std::int64_t n, const float* grad_y, const float* x,
                             const float* pass_range, float* grad_x) {
  std::int64_t chunk = 0;
  const std::int64_t row = chunks.row_of_block(chunk);
  const float low = pass_range[2 * row];
  const float high = pass_range[2 * row + 1];
#pragma unroll
  for (int k = 0; k < backward_values; ++k) {
    const std::int64_t i = chunk * backward_chunk + k * backward_threads + threadIdx.x;
    if (i >= n) return;
    const std::int64_t at = row * n + i;
    const float gradient = x[at] > low && x[at] <= high ? grad_y[at] : 0.0F;
    grad_x[at] = accumulates ? add_gradient(grad_x[at], gradient) : gradient;
  }
}

}  // namespace

void quantize_forward(Stream& stream, ConstView<float> x, const LevelTableView& table,
                      View<float> y, const LevelStatistics& statistics, View<std::int32_t> planes) {
  const std::int64_t n = x.shape[1];
  assign_levels("quantize_forward", stream, RowValues{x.data, n}, x.shape[0], n, table, y,
                statistics, planes);
}

void quantize_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                       ConstView<float> pass_range, View<float> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t n = x.shape[1];
  constexpr std::string_view operation = "quantize_backward";
  const RowChunks chunks(operation, x.shape[0], n, backward_chunk);
  launch(operation,
         mode == GradientMode::accumulate ? quantize_backward_kernel<true>
                                          : quantize_backward_kernel<false>,
         {chunks.grid(), dim3(backward_threads)}, stream, chunks, n, grad_y.data, x.data,
         pass_range.data, grad_x.data);
}

}  // namespace lq::kernels::cuda
