// The update of one quantizer, for every backend.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/qem/qem.h"

namespace lq::kernels {

/// A symmetric positive definite system, row-major, K x K, in memory of the caller's.
struct QemSystem {
  double* matrix;  ///< max_bits * max_bits elements
  double* right;   ///< max_bits elements
};

/// Statistics and state of one row.
struct QemRow {
  const std::int64_t* counts;
  const double* sums;
  const std::uint8_t* codes;
  float* basis;
  float* biased;
};

/// Cholesky, in place; the solution replaces `right`. False when the matrix is not positive
/// definite to working precision, or the levels of the solution are beyond a float.
constexpr bool solve(const QemSystem& system, int k) {
  constexpr double smallest_pivot = 1e-12;  // relative to the diagonal element before elimination
  double* const matrix = system.matrix;
  double* const right = system.right;
  for (int j = 0; j < k; ++j) {
    double& pivot = matrix[j * k + j];
    const double diagonal = pivot;
    for (int p = 0; p < j; ++p) pivot -= matrix[j * k + p] * matrix[j * k + p];
    if (!(pivot > smallest_pivot * diagonal)) return false;
    pivot = std::sqrt(pivot);
    for (int i = j + 1; i < k; ++i) {
      double& below = matrix[i * k + j];
      for (int p = 0; p < j; ++p) below -= matrix[i * k + p] * matrix[j * k + p];
      below /= pivot;
    }
  }
  for (int i = 0; i < k; ++i) {
    for (int p = 0; p < i; ++p) right[i] -= matrix[i * k + p] * right[p];
    right[i] /= matrix[i * k + i];
  }
  for (int i = k - 1; i >= 0; --i) {
    for (int p = i + 1; p < k; ++p) right[i] -= matrix[p * k + i] * right[p];
    right[i] /= matrix[i * k + i];
  }
  // Levels are sums of up to 8 elements, in float: they too have to stay finite.
  constexpr double largest = std::numeric_limits<float>::max() / 16;
  for (int i = 0; i < k; ++i) {
    if (!(right[i] <= largest && right[i] >= -largest)) return false;
  }
  return true;
}

/// B^T B + r I and B^T x + r v_old from the counts and sums of one row.
constexpr void set_normal_equations(const QemSystem& system, const QemRow& row, int bits,
                                    const QemOptions& options) {
  const double clear = options.alphabet == CodeAlphabet::zero_one ? 0.0 : -1.0;
  for (int i = 0; i < bits; ++i) {
    system.right[i] = 0;
    for (int j = 0; j < bits; ++j) system.matrix[i * bits + j] = 0;
  }
  double values = 0;
  for (int l = 0; l < 1 << bits; ++l) {
    const auto count = static_cast<double>(row.counts[l]);
    values += count;
    for (int i = 0; i < bits; ++i) {
      const double code_i = (row.codes[l] >> i & 1) != 0 ? 1.0 : clear;
      system.right[i] += code_i * row.sums[l];
      for (int j = 0; j < bits; ++j) {
        const double code_j = (row.codes[l] >> j & 1) != 0 ? 1.0 : clear;
        system.matrix[i * bits + j] += code_i * code_j * count;
      }
    }
  }
  const double ridge = options.ridge + options.ridge_per_value * values;
  for (int i = 0; i < bits; ++i) {
    system.matrix[i * bits + i] += ridge;
    system.right[i] += ridge * static_cast<double>(row.basis[i]);
  }
}

/// One update of one row; `correction` undoes the bias of the average, 1 - momentum^step.
constexpr void update_row(const QemSystem& system, const QemRow& row, int bits,
                          const QemOptions& options, double correction) {
  set_normal_equations(system, row, bits, options);
  const bool is_solved = solve(system, bits);
  for (int j = 0; j < bits; ++j) {
    const double target = is_solved ? system.right[j] : static_cast<double>(row.basis[j]);
    const double old = static_cast<double>(options.debias ? row.biased[j] : row.basis[j]);
    const double average = options.momentum * old + (1.0 - options.momentum) * target;
    // The sum is kept for a plain average, too: a debiased one can then go on from it.
    row.biased[j] = static_cast<float>(options.debias ? average : average * correction);
    row.basis[j] = static_cast<float>(options.debias ? average / correction : average);
  }
}

}  // namespace lq::kernels
