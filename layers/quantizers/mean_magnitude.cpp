#include "layers/quantizers/mean_magnitude.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/threads.h"

namespace lq {

namespace {

/// Values: some 20 microseconds, and more than a channel of the networks here has.
constexpr std::int64_t grain = 16'384;

double sum_of_magnitudes(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += std::abs(static_cast<double>(value));
  return sum;
}

}  // namespace

std::vector<double> mean_magnitudes(const Tensor& weights, std::int64_t rows) {
  const Tensor host = weights.to(Device{});
  const std::span<const float> values = host.span<float>();
  const std::int64_t n = host.elements() / rows;
  const std::int64_t chunks = (n + grain - 1) / grain;  // of a row
  std::vector<double> partial(rows * chunks);
  parallel_for(rows * chunks, [&](std::int64_t at) {
    const std::int64_t begin = at % chunks * grain;
    partial[at] =
        sum_of_magnitudes(values.subspan(at / chunks * n + begin, std::min(grain, n - begin)));
  });
  std::vector<double> means(rows);
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto row = partial.begin() + r * chunks;
    means[r] = std::accumulate(row, row + chunks, 0.0) / static_cast<double>(n);
  }
  return means;
}

}  // namespace lq
