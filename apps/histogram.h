// Counting values in bins, and their quantiles, on any device.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace lq::apps {

/// Floats on one device, in as many tensors as they came in.
class ValueList {
 public:
  /// Keeps a handle on the tensor, whose elements must stay as they are.
  void add(Tensor values);
  bool empty() const { return tensors_.empty(); }
  std::int64_t size() const;

  /// kernels::histogram() of all values.
  std::vector<std::int64_t> counts(std::span<const float> edges) const;

 private:
  std::vector<Tensor> tensors_;
};

/// counts[i] is the number of values in [low + i * bin_width(), low + (i + 1) * bin_width()), edges
/// being rounded to float; the last bin also has the values that equal `high`.
struct Histogram {
  double low = 0;
  double high = 1;
  std::vector<std::int64_t> counts;
  std::int64_t below = 0;         ///< values under `low`
  std::int64_t above = 0;         ///< values over `high`
  std::int64_t not_a_number = 0;  ///< NaN

  double bin_width() const { return (high - low) / static_cast<double>(counts.size()); }
};

/// Counts in `bins` bins over [low, high], low < high.
Histogram histogram(const ValueList& values, float low, float high, int bins);

/// The value below which `fraction` of the values lie (nearest rank). Reorders them; they must not
/// be empty.
double quantile(std::span<float> values, double fraction);

/// The same of those values that are finite; nothing if none is.
std::optional<float> quantile(const ValueList& values, double fraction);

}  // namespace lq::apps
