#include "convert/int8_grid.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

namespace lq::convert {

namespace {

/// `basis` in units of `step`, to the nearest integers.
std::vector<int> round_to(std::span<const float> basis, double step) {
  std::vector<int> multiples;
  for (const float element : basis) {
    multiples.push_back(static_cast<int>(std::lround(element / step)));
  }
  return multiples;
}

/// The scale of the least squared error.
double fitted_scale(std::span<const float> basis, std::span<const int> multiples) {
  double product = 0;
  double square = 0;
  for (std::size_t i = 0; i < basis.size(); ++i) {
    product += static_cast<double>(basis[i]) * multiples[i];
    square += static_cast<double>(multiples[i]) * multiples[i];
  }
  return square > 0 ? product / square : 1.0;
}

double squared_error(std::span<const float> basis, const GridBasis& grid) {
  double sum = 0;
  for (std::size_t i = 0; i < basis.size(); ++i) {
    const double error = basis[i] - grid.scale * grid.multiples[i];
    sum += error * error;
  }
  return sum;
}

}  // namespace

GridBasis snap_to_grid(std::span<const float> basis) {
  double total = 0;
  double square = 0;
  for (const float element : basis) {
    total += std::abs(static_cast<double>(element));
    square += static_cast<double>(element) * element;
  }
  GridBasis best{.multiples = std::vector<int>(basis.size(), 0)};
  if (total == 0) return best;
  // An error that is float rounding of the basis is none: the smallest integers then win.
  const double no_error = square * 1e-14;
  double least = square + 2 * no_error;
  for (int units = 1; units <= grid_limit + static_cast<int>(basis.size()); ++units) {
    GridBasis grid{.multiples = round_to(basis, total / units)};
    const int sum = std::accumulate(grid.multiples.begin(), grid.multiples.end(), 0,
                                    [](int a, int b) { return a + std::abs(b); });
    if (sum == 0 || sum > grid_limit) continue;
    grid.scale = fitted_scale(basis, grid.multiples);
    const double error = squared_error(basis, grid);
    if (error < least - no_error) {
      least = error;
      best = std::move(grid);
    }
  }
  return best;
}

GridLevels grid_levels(const UnsignedBasis& basis) {
  std::vector<float> elements = basis.elements;
  elements.push_back(basis.offset);
  const GridBasis grid = snap_to_grid(elements);
  const int bits = static_cast<int>(basis.elements.size());
  std::vector<int> levels(std::size_t{1} << bits, grid.multiples.back());
  for (std::size_t code = 0; code < levels.size(); ++code) {
    for (int i = 0; i < bits; ++i) {
      if (((code >> i) & 1) != 0) levels[code] += grid.multiples[i];
    }
  }
  const int lowest = std::min(0, *std::ranges::min_element(levels));
  GridLevels result{.scale = grid.scale, .zero_point = static_cast<std::uint8_t>(-lowest)};
  for (const int level : levels) result.bytes.push_back(static_cast<std::uint8_t>(level - lowest));
  return result;
}

}  // namespace lq::convert
