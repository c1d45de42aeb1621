#include "layers/quantizers/uniform_table.h"

#include <vector>

namespace lq {

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
  return table;
}

}  // namespace lq
