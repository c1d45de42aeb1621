// Counting values in bins of equal width.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lq::apps {

/// counts[i] is the number of values in [low + i * bin_width(), low + (i + 1) * bin_width()); the
/// last bin also has the values that equal `high`.
struct Histogram {
  double low = 0;
  double high = 1;
  std::vector<std::int64_t> counts;
  std::int64_t below = 0;  ///< values under `low`
  std::int64_t above = 0;  ///< values over `high`

  double bin_width() const { return (high - low) / static_cast<double>(counts.size()); }
};

/// Counts in `bins` bins over [low, high], low < high.
Histogram histogram(std::span<const float> values, double low, double high, int bins);

/// The value below which `fraction` of the values lie (nearest rank). Reorders them; they must not
/// be empty.
double quantile(std::span<float> values, double fraction);

}  // namespace lq::apps
