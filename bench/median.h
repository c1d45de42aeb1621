// Medians of measurements.
#pragma once

#include <algorithm>
#include <vector>

namespace lq::bench {

/// The mean of the two in the middle where the number is even; there has to be one.
inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace lq::bench
