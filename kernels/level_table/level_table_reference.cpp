#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "kernels/level_table/level_table.h"

namespace lq::kernels::reference {

void make_level_table(Stream&, ConstView<float> basis, CodeAlphabet alphabet,
                      const LevelTableOutputs& table) {
  const std::int64_t rows = basis.shape[0];
  const int bits = static_cast<int>(basis.shape[1]);
  const int size = 1 << bits;
  const double clear = alphabet == CodeAlphabet::zero_one ? 0.0 : -1.0;
  constexpr float infinity = std::numeric_limits<float>::infinity();

  std::array<std::pair<double, int>, 1 << max_bits> sorted;  // level and its code
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int j = 0; j < bits; ++j) {
      check(std::isfinite(basis[r * bits + j]),
            "make_level_table: basis element {} of row {} is {}", j, r, basis[r * bits + j]);
    }
    for (int code = 0; code < size; ++code) {
      double level = 0;
      for (int j = 0; j < bits; ++j) {
        level += static_cast<double>(basis[r * bits + j]) * ((code >> j & 1) != 0 ? 1.0 : clear);
      }
      sorted[code] = {level, code};
    }
    std::sort(sorted.begin(), sorted.begin() + size);
    for (int l = 0; l < size; ++l) {
      table.levels[r * size + l] = static_cast<float>(sorted[l].first);
      table.codes[r * size + l] = static_cast<std::uint8_t>(sorted[l].second);
      if (l + 1 < size) {
        table.thresholds[r * (size - 1) + l] =
            static_cast<float>((sorted[l].first + sorted[l + 1].first) / 2);
      }
    }
    table.pass_range[2 * r] = -infinity;
    table.pass_range[2 * r + 1] =
        alphabet == CodeAlphabet::zero_one ? table.levels[r * size + size - 1] : infinity;
  }
}

}  // namespace lq::kernels::reference
