#include "kernels/common/level_basis.h"

#include <bit>
#include <cmath>
#include <limits>

namespace lq::kernels {

namespace {

/// The levels of one row by their codes; nothing when these are not all different.
std::optional<std::vector<double>> levels_by_code(std::span<const float> levels,
                                                  std::span<const std::uint8_t> codes) {
  std::vector<double> by_code(levels.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t l = 0; l < levels.size(); ++l) {
    if (codes[l] >= by_code.size() || !std::isnan(by_code[codes[l]])) return std::nullopt;
    by_code[codes[l]] = levels[l];
  }
  return by_code;
}

}  // namespace

std::vector<float> basis_of_levels(std::span<const double> by_code, CodeAlphabet alphabet) {
  std::vector<float> basis;
  for (std::size_t code = 1; code < by_code.size(); code *= 2) {
    basis.push_back(
        static_cast<float>((by_code[code] - by_code[0]) / (1.0 - clear_factor(alphabet))));
  }
  return basis;
}

std::optional<Misfit> find_misfit(std::span<const double> by_code, double offset,
                                  std::span<const float> basis, CodeAlphabet alphabet) {
  double magnitude = std::abs(offset);
  for (const float element : basis) magnitude += std::abs(static_cast<double>(element));
  // Each element comes from two rounded levels, and the level under test is rounded as well.
  const double tolerance =
      4 * static_cast<double>(basis.size() + 1) * std::numeric_limits<float>::epsilon() * magnitude;
  for (std::size_t code = 0; code < by_code.size(); ++code) {
    double sum = offset;
    for (std::size_t j = 0; j < basis.size(); ++j) {
      sum += static_cast<double>(basis[j]) * ((code >> j & 1) != 0 ? 1.0 : clear_factor(alphabet));
    }
    if (!(std::abs(by_code[code] - sum) <= tolerance)) return Misfit{code, sum};
  }
  return std::nullopt;
}

std::optional<std::vector<float>> level_basis(const LevelTableView& table, CodeAlphabet alphabet) {
  const auto size = static_cast<std::size_t>(table.size());
  if (!std::has_single_bit(size)) return std::nullopt;
  std::vector<float> basis;
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    const std::size_t first = static_cast<std::size_t>(row) * size;
    const auto by_code =
        levels_by_code({table.levels.data + first, size}, {table.codes.data + first, size});
    if (!by_code) return std::nullopt;
    const std::vector<float> own = basis_of_levels(*by_code, alphabet);
    if (find_misfit(*by_code, 0.0, own, alphabet)) return std::nullopt;
    basis.insert(basis.end(), own.begin(), own.end());
  }
  return basis;
}

}  // namespace lq::kernels
