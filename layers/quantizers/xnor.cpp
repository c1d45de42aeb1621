#include "layers/quantizers/xnor.h"

#include <limits>
#include <vector>

#include "layers/quantizers/mean_magnitude.h"
#include "layers/quantizers/uniform_table.h"

namespace lq {

XnorWeightQuantizer::XnorWeightQuantizer(const Shape& weights) : WeightQuantizer(1) {
  check(weights.rank() >= 2, "xnor: weights {}, expected O first", weights);
}

LevelTable XnorWeightQuantizer::table(const Tensor& weights) const {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::int64_t rows = weights.shape()[0];
  const std::vector<double> means = mean_magnitudes(weights, rows);
  LevelTable table(rows, 2, Device{});
  table.alphabet = kernels::CodeAlphabet::minus_plus_one;
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto mean = static_cast<float>(means[r]);
    table.levels.data<float>()[2 * r] = -mean;
    table.levels.data<float>()[2 * r + 1] = mean;
    table.thresholds.data<float>()[r] = 0.0F;
    table.codes.data<std::uint8_t>()[2 * r] = 0;
    table.codes.data<std::uint8_t>()[2 * r + 1] = 1;
    table.pass_range.data<float>()[2 * r] = -infinity;
    table.pass_range.data<float>()[2 * r + 1] = infinity;
  }
  for (Tensor* tensor : {&table.levels, &table.thresholds, &table.codes, &table.pass_range}) {
    *tensor = tensor->to(weights.device());
  }
  return table;
}

SignActivationQuantizer::SignActivationQuantizer()
    : ActivationQuantizer(1), table_(fixed(uniform_table(2, -1.0, 2.0, -1.0F, 1.0F))) {}

}  // namespace lq
