#include <algorithm>
#include <cmath>

#include "kernels/histogram/histogram.h"

namespace lq::kernels::reference {

void histogram(Stream&, ConstView<float> values, std::span<const float> edges,
               View<std::int32_t> counts) {
  const auto bins = static_cast<std::int64_t>(edges.size()) - 1;
  std::fill(counts.begin(), counts.end(), 0);
  for (const float value : values) {
    if (value < edges[0]) ++counts[0];
    if (value > edges[bins]) ++counts[bins + 1];
    if (std::isnan(value)) ++counts[bins + 2];
    for (std::int64_t b = 0; b < bins; ++b) {
      const bool is_last = b + 1 == bins && value == edges[bins];
      if ((edges[b] <= value && value < edges[b + 1]) || is_last) ++counts[1 + b];
    }
  }
}

}  // namespace lq::kernels::reference
