#include "apps/histogram.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace lq::apps {

Histogram histogram(std::span<const float> values, double low, double high, int bins) {
  check(low < high, "histogram: range [{}, {}], expected low < high", low, high);
  check(bins >= 1 && bins <= 10000, "histogram: {} bins, expected 1 to 10000", bins);
  Histogram result{.low = low, .high = high};
  result.counts.resize(static_cast<std::size_t>(bins));
  const double scale = bins / (high - low);
  for (const double value : values) {
    if (value < low) {
      ++result.below;
    } else if (value > high) {
      ++result.above;
    } else {
      const auto bin = static_cast<int>((value - low) * scale);
      ++result.counts[static_cast<std::size_t>(std::min(bin, bins - 1))];
    }
  }
  return result;
}

double quantile(std::span<float> values, double fraction) {
  check(!values.empty(), "quantile: of no values");
  const auto last = static_cast<double>(values.size() - 1);
  const auto rank = static_cast<std::ptrdiff_t>(std::round(fraction * last));
  std::ranges::nth_element(values, values.begin() + rank);
  return values[static_cast<std::size_t>(rank)];
}

}  // namespace lq::apps
