// Means of ratios.
#pragma once

#include <cmath>
#include <vector>

namespace lq::bench {

/// 1 for none.
inline double geometric_mean(const std::vector<double>& ratios) {
  if (ratios.empty()) return 1.0;
  double logarithms = 0;
  for (const double ratio : ratios) logarithms += std::log(ratio);
  return std::exp(logarithms / static_cast<double>(ratios.size()));
}

}  // namespace lq::bench
