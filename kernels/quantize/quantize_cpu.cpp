#include <algorithm>
#include <optional>
#include <vector>

#include "core/threads.h"
#include "kernels/common/bitpack/bitpack_isa.h"
#include "kernels/common/isa_variants.h"
#include "kernels/common/level_statistics.h"
#include "kernels/quantize/quantize.h"
#include "kernels/quantize/quantize_isa.h"

namespace lq::kernels::cpu {

namespace {
constexpr std::int64_t grain = 1 << 16;  // values per chunk of a long row: 256 KiB
}

void quantize_forward(Stream&, ConstView<float> x, const LevelTableView& table, View<float> y,
                      const LevelStatistics& statistics, View<std::int32_t> planes) {
  const QuantizeKernels& kernels = choose_isa<QuantizeKernels>(LQNET_VECTOR_ISAS(quantize_kernels));
  const std::int64_t rows = x.shape[0];
  const std::int64_t n = x.shape[1];
  const std::int64_t size = table.size();
  std::optional<CodePacker> packer;
  std::int64_t channels = 1;
  if (planes) {
    channels = n / planes.shape[1];
    packer.emplace(table, channels, planes);
  }
  const std::int64_t chunk_values = std::max<std::int64_t>(grain / channels, 1) * channels;
  const std::int64_t chunks = std::max<std::int64_t>((n + chunk_values - 1) / chunk_values, 1);
  const bool wanted = statistics.counts || statistics.sums;

  std::vector<ChunkedLevelStatistics> partial(rows, {chunks, size, wanted});
  parallel_for(rows * chunks, [&](std::int64_t job) {
    const std::int64_t r = job / chunks;
    const std::int64_t chunk = job % chunks;
    const std::int64_t begin = chunk * chunk_values;
    const std::int64_t end = std::min(begin + chunk_values, n);
    kernels.assign({.x = x.data + r * n + begin,
                    .y = y.data + r * n + begin,
                    .n = end - begin,
                    .thresholds = table.thresholds.data + r * (size - 1),
                    .levels = table.levels.data + r * size,
                    .threshold_count = static_cast<int>(size - 1),
                    .above_counts = partial[r].above_counts(chunk),
                    .above_sums = partial[r].above_sums(chunk),
                    .total = partial[r].total(chunk)});
    if (packer) packer->pack(y.data + begin, begin / channels, end / channels);
  });

  bool finite = true;
  for (std::int64_t r = 0; r < rows; ++r) finite &= partial[r].finish(r, n, statistics);
  if (statistics.non_finite) statistics.non_finite[0] = finite ? 0 : 1;
}

void quantize_backward(Stream&, ConstView<float> grad_y, ConstView<float> x,
                       ConstView<float> pass_range, View<float> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t n = x.shape[1];
  const std::int64_t chunks = std::max<std::int64_t>((n + grain - 1) / grain, 1);
  parallel_for(x.shape[0] * chunks, [&](std::int64_t job) {
    const std::int64_t r = job / chunks;
    const std::int64_t begin = r * n + job % chunks * grain;
    const std::int64_t end = std::min(begin + grain, (r + 1) * n);
    const float low = pass_range[2 * r];
    const float high = pass_range[2 * r + 1];
    const auto gradient = [&](std::int64_t i) {
      const float all = grad_y[i];  // loaded unconditionally, or the loop does not vectorise
      return (x[i] > low) & (x[i] <= high) ? all : 0.0F;
    };
    if (mode == GradientMode::accumulate) {
      for (std::int64_t i = begin; i < end; ++i) grad_x[i] += gradient(i);
    } else {
      for (std::int64_t i = begin; i < end; ++i) grad_x[i] = gradient(i);
    }
  });
}

}  // namespace lq::kernels::cpu
