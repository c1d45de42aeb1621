// The search for the grid of one basis, for every backend.
#pragma once

#include "kernels/int8_grid/int8_grid.h"

namespace lq::kernels {

/// The best scale that was found, and how far its integers are off.
struct SnappedRow {
  double scale = 1.0;
  double squared_error = 0;
};

/// `basis` in units of `step`, to the nearest integers, with the scale that then fits best; returns
/// whether the integers are on the grid and not all zero.
constexpr bool fit_row(const float* basis, int size, double step, int* multiples,
                       SnappedRow& fitted) {
  int magnitude = 0;
  double product = 0;
  double square = 0;
  for (int i = 0; i < size; ++i) {
    const double ratio = static_cast<double>(basis[i]) / step;
    multiples[i] = static_cast<int>(ratio + (ratio < 0 ? -0.5 : 0.5));
    magnitude += multiples[i] < 0 ? -multiples[i] : multiples[i];
    product += static_cast<double>(basis[i]) * multiples[i];
    square += static_cast<double>(multiples[i]) * multiples[i];
  }
  if (magnitude == 0 || magnitude > grid_limit) return false;
  fitted = {product / square, 0};
  for (int i = 0; i < size; ++i) {
    const double error = static_cast<double>(basis[i]) - fitted.scale * multiples[i];
    fitted.squared_error += error * error;
  }
  return true;
}

/// What snap_to_grid() does with `size` finite elements, of which `total` is the sum of magnitudes,
/// not 0. `trial` and `multiples` have as many elements; the latter are the result's.
constexpr SnappedRow snap_row(const float* basis, int size, double total, int* trial,
                              int* multiples) {
  double square = 0;
  for (int i = 0; i < size; ++i) square += static_cast<double>(basis[i]) * basis[i];
  // An error that is float rounding of the basis is none: the smallest integers then win.
  const double no_error = square * 1e-14;
  SnappedRow best{1.0, square + 2 * no_error};
  for (int units = 1; units <= grid_limit + size; ++units) {
    SnappedRow fitted;
    if (!fit_row(basis, size, total / units, trial, fitted)) continue;
    if (!(fitted.squared_error < best.squared_error - no_error)) continue;
    best = fitted;
    for (int i = 0; i < size; ++i) multiples[i] = trial[i];
  }
  return best;
}

}  // namespace lq::kernels
