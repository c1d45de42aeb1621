#include "kernels/common/column_sum.h"

#include <algorithm>
#include <vector>

#include "core/threads.h"

namespace lq::kernels::cpu {

namespace {

/// Rows per chunk: 128 KiB of elements, but at least 64 rows, so that the partial sums of wide
/// matrices stay small beside the matrix.
std::int64_t rows_per_chunk(std::int64_t columns) {
  return std::max<std::int64_t>(64, (1 << 15) / columns);
}

}  // namespace

void column_sum(ConstView<float> matrix, View<float> sums, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t columns = sums.elements();
  const std::int64_t rows = matrix.elements() / columns;
  const std::int64_t grain = rows_per_chunk(columns);
  const std::int64_t chunks = (rows + grain - 1) / grain;
  std::vector<double> partial(static_cast<std::size_t>(chunks * columns), 0.0);
  parallel_for(chunks, [&](std::int64_t chunk) {
    double* const chunk_sums = partial.data() + chunk * columns;
    const std::int64_t end = std::min(rows, (chunk + 1) * grain);
    for (std::int64_t row = chunk * grain; row < end; ++row) {
      const float* const values = matrix.data + row * columns;
      for (std::int64_t c = 0; c < columns; ++c) chunk_sums[c] += values[c];
    }
  });
  for (std::int64_t c = 0; c < columns; ++c) {
    double sum = mode == GradientMode::accumulate ? sums[c] : 0.0;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) sum += partial[chunk * columns + c];
    sums[c] = static_cast<float>(sum);
  }
}

}  // namespace lq::kernels::cpu
