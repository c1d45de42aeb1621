#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/error.h"
#include "kernels/int8_grid/int8_grid.h"

namespace lq::kernels {

namespace {

/// A scale, its integers and how far they are off.
struct Candidate {
  double scale = 1.0;
  double squared_error = 0;
  int magnitude = 0;  ///< sum |multiples|
};

/// `basis` in units of `step`, to the nearest integers, with the scale that then fits best.
Candidate fit(std::span<const float> basis, double step, std::span<int> multiples) {
  Candidate candidate;
  double product = 0;
  double square = 0;
  for (std::size_t i = 0; i < basis.size(); ++i) {
    multiples[i] = static_cast<int>(std::lround(basis[i] / step));
    candidate.magnitude += std::abs(multiples[i]);
    product += static_cast<double>(basis[i]) * multiples[i];
    square += static_cast<double>(multiples[i]) * multiples[i];
  }
  if (square > 0) candidate.scale = product / square;
  for (std::size_t i = 0; i < basis.size(); ++i) {
    const double error = basis[i] - candidate.scale * multiples[i];
    candidate.squared_error += error * error;
  }
  return candidate;
}

}  // namespace

GridBasis snap_to_grid(std::span<const float> basis) {
  double total = 0;
  double square = 0;
  for (const float element : basis) {
    total += std::abs(static_cast<double>(element));
    square += static_cast<double>(element) * element;
  }
  check(std::isfinite(total), "snap_to_grid: an element of the basis is NaN or infinite");
  GridBasis best{.multiples = std::vector<int>(basis.size(), 0)};
  if (total == 0) return best;
  // An error that is float rounding of the basis is none: the smallest integers then win.
  const double no_error = square * 1e-14;
  double least = square + 2 * no_error;
  std::vector<int> multiples(basis.size());
  for (int units = 1; units <= grid_limit + static_cast<int>(basis.size()); ++units) {
    const Candidate candidate = fit(basis, total / units, multiples);
    if (candidate.magnitude == 0 || candidate.magnitude > grid_limit) continue;
    if (candidate.squared_error < least - no_error) {
      least = candidate.squared_error;
      best.scale = candidate.scale;
      best.multiples = multiples;
    }
  }
  // Elements may come from sums of up to as many rounded levels.
  const double rounding =
      4 * static_cast<double>(basis.size() + 1) * std::numeric_limits<float>::epsilon() * total;
  best.is_exact = least <= rounding * rounding;
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
