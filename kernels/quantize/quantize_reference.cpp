#include <cmath>

#include "kernels/common/bitpack/bitpack.h"
#include "kernels/quantize/quantize.h"

namespace lq::kernels::reference {

void quantize_forward(Stream& stream, ConstView<float> x, const LevelTableView& table,
                      View<float> y, const LevelStatistics& statistics, View<std::int32_t> planes) {
  const std::int64_t rows = x.shape[0];
  const std::int64_t n = x.shape[1];
  const std::int64_t size = table.size();
  if (statistics.non_finite) statistics.non_finite[0] = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t l = 0; l < size; ++l) {
      if (statistics.counts) statistics.counts[r * size + l] = 0;
      if (statistics.sums) statistics.sums[r * size + l] = 0;
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = x[r * n + i];
      std::int64_t position = 0;
      for (std::int64_t l = 0; l + 1 < size; ++l) {
        if (value > table.thresholds[r * (size - 1) + l]) position = l + 1;
      }
      y[r * n + i] = table.levels[r * size + position];
      if (statistics.counts) statistics.counts[r * size + position] += 1;
      if (statistics.sums) statistics.sums[r * size + position] += static_cast<double>(value);
      if (statistics.non_finite && !std::isfinite(value)) statistics.non_finite[0] = 1;
    }
  }
  if (planes) {
    const Shape pixels = pixels_of_planes(y.elements(), planes);
    reference::bitpack_forward(stream, {y.data, pixels, y.device}, table, planes);
  }
}

void quantize_backward(Stream&, ConstView<float> grad_y, ConstView<float> x,
                       ConstView<float> pass_range, View<float> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t n = x.shape[1];
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t r = i / n;
    const bool passes = x[i] > pass_range[2 * r] && x[i] <= pass_range[2 * r + 1];
    const float gradient = passes ? grad_y[i] : 0.0F;
    grad_x[i] = mode == GradientMode::accumulate ? grad_x[i] + gradient : gradient;
  }
}

}  // namespace lq::kernels::reference
