#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/qem/qem.h"

namespace lq::kernels::reference {

namespace {

/// A symmetric positive definite system; row-major, K x K.
struct System {
  std::array<double, max_bits * max_bits> matrix{};
  std::array<double, max_bits> right{};
  int size;
};

/// Cholesky, in place; the solution replaces `right`. False when the matrix is not positive
/// definite to working precision, or the levels of the solution are beyond a float.
bool solve(System& system) {
  const int k = system.size;
  auto at = [&](int i, int j) -> double& { return system.matrix[i * k + j]; };
  constexpr double smallest_pivot = 1e-12;  // relative to the diagonal element before elimination
  for (int j = 0; j < k; ++j) {
    const double diagonal = at(j, j);
    for (int p = 0; p < j; ++p) at(j, j) -= at(j, p) * at(j, p);
    if (!(at(j, j) > smallest_pivot * diagonal)) return false;
    at(j, j) = std::sqrt(at(j, j));
    for (int i = j + 1; i < k; ++i) {
      for (int p = 0; p < j; ++p) at(i, j) -= at(i, p) * at(j, p);
      at(i, j) /= at(j, j);
    }
  }
  for (int i = 0; i < k; ++i) {
    for (int p = 0; p < i; ++p) system.right[i] -= at(i, p) * system.right[p];
    system.right[i] /= at(i, i);
  }
  for (int i = k - 1; i >= 0; --i) {
    for (int p = i + 1; p < k; ++p) system.right[i] -= at(p, i) * system.right[p];
    system.right[i] /= at(i, i);
  }
  // Levels are sums of up to 8 elements, in float: they too have to stay finite.
  constexpr double largest = std::numeric_limits<float>::max() / 16;
  return std::all_of(system.right.begin(), system.right.begin() + k,
                     [](double element) { return std::abs(element) <= largest; });
}

/// B^T B + r I and B^T x + r v_old from the counts and sums of one row.
System normal_equations(const std::int64_t* counts, const double* sums, const std::uint8_t* codes,
                        const float* basis, int bits, const QemOptions& options) {
  System system{.size = bits};
  const double clear = options.alphabet == CodeAlphabet::zero_one ? 0.0 : -1.0;
  double values = 0;
  for (int l = 0; l < 1 << bits; ++l) {
    const auto count = static_cast<double>(counts[l]);
    values += count;
    for (int i = 0; i < bits; ++i) {
      const double code_i = (codes[l] >> i & 1) != 0 ? 1.0 : clear;
      system.right[i] += code_i * sums[l];
      for (int j = 0; j < bits; ++j) {
        const double code_j = (codes[l] >> j & 1) != 0 ? 1.0 : clear;
        system.matrix[i * bits + j] += code_i * code_j * count;
      }
    }
  }
  const double ridge = options.ridge + options.ridge_per_value * values;
  for (int i = 0; i < bits; ++i) {
    system.matrix[i * bits + i] += ridge;
    system.right[i] += ridge * static_cast<double>(basis[i]);
  }
  return system;
}

}  // namespace

void qem_update(Stream&, ConstView<std::int64_t> counts, ConstView<double> sums,
                ConstView<std::uint8_t> codes, const QemOptions& options, const QemState& state) {
  const std::int64_t rows = state.basis.shape[0];
  const int bits = static_cast<int>(state.basis.shape[1]);
  const int size = 1 << bits;
  const std::int64_t step = ++state.step[0];
  const double correction = 1.0 - std::pow(options.momentum, static_cast<double>(step));
  for (std::int64_t r = 0; r < rows; ++r) {
    float* basis = state.basis.data + r * bits;
    float* biased = state.biased.data + r * bits;
    System system = normal_equations(counts.data + r * size, sums.data + r * size,
                                     codes.data + r * size, basis, bits, options);
    const bool solved = solve(system);
    for (int j = 0; j < bits; ++j) {
      const double target = solved ? system.right[j] : static_cast<double>(basis[j]);
      const double average =
          options.momentum * static_cast<double>(options.debias ? biased[j] : basis[j]) +
          (1.0 - options.momentum) * target;
      if (options.debias) {
        biased[j] = static_cast<float>(average);
        basis[j] = static_cast<float>(average / correction);
      } else {
        basis[j] = static_cast<float>(average);
      }
    }
  }
}

}  // namespace lq::kernels::reference
