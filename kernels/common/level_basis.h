// The basis that the levels of a table are sums of.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// What a basis element counts where its bit is clear: 0, or -1; where it is set it counts once.
constexpr double clear_factor(CodeAlphabet alphabet) {
  return alphabet == CodeAlphabet::zero_one ? 0.0 : -1.0;
}

/// The only basis that levels, by their codes 0 to 2^K - 1, can be sums of, but for an offset.
std::vector<float> basis_of_levels(std::span<const double> by_code, CodeAlphabet alphabet);

/// A level that is not what it should be.
struct Misfit {
  std::size_t code;
  double sum;  ///< of offset and basis
};

/// The first level, by its code, that is not the offset plus the sum of the basis, but for float
/// rounding of both; nothing when all are.
std::optional<Misfit> find_misfit(std::span<const double> by_code, double offset,
                                  std::span<const float> basis, CodeAlphabet alphabet);

/// R x K elements v, so that each level is the sum over the bits of its code of v_j times 1 for a
/// set bit, and 0 (zero_one) or -1 (minus_plus_one) for a clear one. Nothing when the levels are no
/// such sums but for float rounding, or when a code occurs twice. The table lies on the host.
std::optional<std::vector<float>> level_basis(const LevelTableView& table, CodeAlphabet alphabet);

}  // namespace lq::kernels
