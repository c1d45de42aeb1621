#include "convert/int8_grid.h"

#include <algorithm>

namespace lq::convert {

GridLevels grid_levels(const UnsignedBasis& basis) {
  std::vector<float> elements = basis.elements;
  elements.push_back(basis.offset);
  const kernels::GridBasis grid = kernels::snap_to_grid(elements);
  const int bits = static_cast<int>(basis.elements.size());
  std::vector<int> levels(std::size_t{1} << bits, grid.multiples.back());
  for (std::size_t code = 0; code < levels.size(); ++code) {
    for (int i = 0; i < bits; ++i) {
      if (((code >> i) & 1) != 0) levels[code] += grid.multiples[i];
    }
  }
  const int lowest = std::min(0, *std::ranges::min_element(levels));
  GridLevels result{.scale = grid.scale,
                    .zero_point = static_cast<std::uint8_t>(-lowest),
                    .bytes = {},
                    .is_exact = grid.is_exact};
  for (const int level : levels) result.bytes.push_back(static_cast<std::uint8_t>(level - lowest));
  return result;
}

}  // namespace lq::convert
