// Basis quantizers by brute force in long double: what the kernels are judged by.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "kernels/common/level_table_view.h"

namespace lq::testing {

using kernels::CodeAlphabet;

/// Solves a x = b by Gaussian elimination with partial pivoting; empty when a is singular.
inline std::vector<long double> solve_by_elimination(std::vector<std::vector<long double>> a,
                                                     std::vector<long double> b) {
  const std::size_t size = b.size();
  for (std::size_t column = 0; column < size; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column; row < size; ++row) {
      if (std::abs(a[row][column]) > std::abs(a[pivot][column])) pivot = row;
    }
    if (a[pivot][column] == 0) return {};
    std::swap(a[column], a[pivot]);
    std::swap(b[column], b[pivot]);
    for (std::size_t row = column + 1; row < size; ++row) {
      const long double factor = a[row][column] / a[column][column];
      for (std::size_t k = column; k < size; ++k) a[row][k] -= factor * a[column][k];
      b[row] -= factor * b[column];
    }
  }
  for (std::size_t row = size; row-- > 0;) {
    for (std::size_t k = row + 1; k < size; ++k) b[row] -= a[row][k] * b[k];
    b[row] /= a[row][row];
  }
  return b;
}

/// A quantizer with K basis elements that tries all 2^K codes.
struct QuantizerOracle {
  std::vector<long double> basis;
  CodeAlphabet alphabet;

  QuantizerOracle(std::span<const float> basis_, CodeAlphabet alphabet_)
      : basis(basis_.begin(), basis_.end()), alphabet(alphabet_) {}

  int codes() const { return 1 << basis.size(); }

  long double element(int code, std::size_t j) const {
    if ((code >> j & 1) != 0) return 1;
    return alphabet == CodeAlphabet::zero_one ? 0 : -1;
  }

  long double level(int code) const {
    long double sum = 0;
    for (std::size_t j = 0; j < basis.size(); ++j) sum += basis[j] * element(code, j);
    return sum;
  }

  struct Nearest {
    int code = 0;
    long double distance = std::numeric_limits<long double>::infinity();
    /// By how much the second best code is further away: 0 for a tie.
    long double margin = 0;
  };

  Nearest nearest(long double x) const {
    Nearest best;
    for (int code = 0; code < codes(); ++code) {
      const long double distance = std::abs(x - level(code));
      if (distance < best.distance) {
        best = {code, distance, best.distance - distance};
      } else {
        best.margin = std::min(best.margin, distance - best.distance);
      }
    }
    return best;
  }

  long double squared_error(std::span<const float> x) const {
    long double sum = 0;
    for (const float value : x) {
      const long double distance = nearest(value).distance;
      sum += distance * distance;
    }
    return sum;
  }

  /// The basis v that minimises |x - Bv|^2 + ridge |v - basis|^2, where row m of the matrix B is
  /// the code nearest to x[m].
  std::vector<long double> least_squares(std::span<const float> x, long double ridge) const {
    const std::size_t k = basis.size();
    std::vector<std::vector<long double>> gram(k, std::vector<long double>(k));
    std::vector<long double> right(k);
    for (const float value : x) {
      const int code = nearest(value).code;
      for (std::size_t i = 0; i < k; ++i) {
        right[i] += element(code, i) * static_cast<long double>(value);
        for (std::size_t j = 0; j < k; ++j) gram[i][j] += element(code, i) * element(code, j);
      }
    }
    for (std::size_t i = 0; i < k; ++i) {
      gram[i][i] += ridge;
      right[i] += ridge * basis[i];
    }
    return solve_by_elimination(std::move(gram), std::move(right));
  }
};

}  // namespace lq::testing
