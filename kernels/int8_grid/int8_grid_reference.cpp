#include <cmath>
#include <limits>

#include "core/error.h"
#include "kernels/int8_grid/snap_row.h"

namespace lq::kernels {

GridBasis snap_to_grid(std::span<const float> basis) {
  double total = 0;
  for (const float element : basis) total += std::abs(static_cast<double>(element));
  check(std::isfinite(total), "snap_to_grid: an element of the basis is NaN or infinite");
  GridBasis best{.multiples = std::vector<int>(basis.size(), 0)};
  if (total == 0) return best;
  std::vector<int> trial(basis.size());
  const SnappedRow found = snap_row(basis.data(), static_cast<int>(basis.size()), total,
                                    trial.data(), best.multiples.data());
  best.scale = found.scale;
  // Elements may come from sums of up to as many rounded levels.
  const double rounding =
      4 * static_cast<double>(basis.size() + 1) * std::numeric_limits<float>::epsilon() * total;
  best.is_exact = found.squared_error <= rounding * rounding;
  return best;
}

namespace reference {

void snap_rows_to_grid(Stream&, ConstView<float> basis, View<float> snapped) {
  const std::int64_t bits = basis.shape[1];
  for (std::int64_t row = 0; row < basis.shape[0]; ++row) {
    const GridBasis grid = snap_to_grid({basis.data + row * bits, static_cast<std::size_t>(bits)});
    for (std::int64_t i = 0; i < bits; ++i) {
      snapped[row * bits + i] = static_cast<float>(grid.scale * grid.multiples[i]);
    }
  }
}

}  // namespace reference

}  // namespace lq::kernels
