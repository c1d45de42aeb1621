#include "layers/quantizers/uniform_table.h"

#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace lq {

namespace {

/// Of which equally spaced levels are sums: levels from zero on of a basis step * 2^j over {0,1},
/// levels on both sides of zero of a basis step * 2^(j-1) over {-1,+1}.
std::optional<kernels::CodeAlphabet> alphabet_of(int size, double low, double step) {
  if (!std::has_single_bit(static_cast<unsigned>(size))) return std::nullopt;
  if (low == 0) return kernels::CodeAlphabet::zero_one;
  const double high = low + step * (size - 1);
  const double rounding = 4 * std::numeric_limits<double>::epsilon() * std::abs(low);
  if (std::abs(low + high) <= rounding) return kernels::CodeAlphabet::minus_plus_one;
  return std::nullopt;
}

}  // namespace

autograd::LevelTable uniform_table(int size, double low, double step, float pass_low,
                                   float pass_high, Device device) {
  std::vector<float> levels(size);
  std::vector<float> thresholds(size - 1);
  std::vector<std::uint8_t> codes(size);
  for (int l = 0; l < size; ++l) {
    levels[l] = static_cast<float>(low + step * l);
    codes[l] = static_cast<std::uint8_t>(l);
    if (l + 1 < size) thresholds[l] = static_cast<float>(low + step * (l + 0.5));
  }
  autograd::LevelTable table;
  table.levels = Tensor::from(levels, {1, size}, device);
  table.thresholds = Tensor::from(thresholds, {1, size - 1}, device);
  table.codes = Tensor::from(codes, {1, size}, device);
  table.pass_range = Tensor::from(std::vector<float>{pass_low, pass_high}, {1, 2}, device);
  table.alphabet = alphabet_of(size, low, step);
  return table;
}

}  // namespace lq
