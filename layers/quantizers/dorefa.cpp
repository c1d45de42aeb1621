#include "layers/quantizers/dorefa.h"

#include <limits>

#include "autograd/tanh_normalize.h"
#include "layers/quantizers/mean_magnitude.h"
#include "layers/quantizers/uniform_table.h"

namespace lq {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

}  // namespace

LevelTable DorefaWeightQuantizer::table(const Tensor& weights) const {
  const double top = bits() == 1 ? mean_magnitudes(weights, 1).front() : 1.0;
  const int levels = 1 << bits();
  return uniform_table(levels, -top, 2 * top / (levels - 1), -infinity, infinity, weights.device());
}

Variable DorefaWeightQuantizer::prepare(const Variable& weights) const {
  return bits() == 1 ? weights : autograd::tanh_normalize(weights);
}

DorefaActivationQuantizer::DorefaActivationQuantizer(int bits)
    : ActivationQuantizer(bits),
      table_(fixed(uniform_table(1 << bits, 0.0, 1.0 / ((1 << bits) - 1), 0.0F, 1.0F))) {}

}  // namespace lq
