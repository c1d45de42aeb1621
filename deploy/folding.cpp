#include "deploy/folding.h"

#include <cmath>
#include <limits>

#include "core/error.h"

namespace lq::deploy {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

float threshold(float level, float scale, float shift) {
  if (scale == 0.0F) return shift > level ? -infinity : infinity;
  return static_cast<float>((static_cast<double>(level) - static_cast<double>(shift)) /
                            std::abs(static_cast<double>(scale)));
}

}  // namespace

void set_thresholds(const FoldedThresholds& folded, kernels::BitconvSymbolOutput& output) {
  const std::size_t channels = folded.scale.size();
  output.thresholds.resize(folded.levels.size() * channels);
  output.signs.resize(channels);
  for (std::size_t o = 0; o < channels; ++o) {
    output.signs[o] = folded.scale[o] < 0 ? -1.0F : 1.0F;
    for (std::size_t t = 0; t < folded.levels.size(); ++t) {
      output.thresholds[t * channels + o] =
          threshold(folded.levels[t], folded.scale[o], folded.shift[o]);
    }
  }
}

std::vector<std::int8_t> grid_weights(const CodedWeights& coded, std::int64_t channels) {
  std::vector<std::int8_t> weights(coded.codes.size());
  const std::int64_t per_channel = std::ssize(coded.codes) / channels;
  for (std::int64_t index = 0; index < std::ssize(coded.codes); ++index) {
    const float* basis = coded.basis.data() + index / per_channel * coded.bits;
    double weight = 0;
    for (int i = 0; i < coded.bits; ++i) {
      const auto element = static_cast<double>(basis[i]);
      weight += ((coded.codes[index] >> i) & 1) != 0 ? element : -element;
    }
    check(weight >= -128 && weight <= 127 && weight == std::trunc(weight),
          "weight {} of the integer grid is {}, expected a whole number of 8 bits", index, weight);
    weights[index] = static_cast<std::int8_t>(weight);
  }
  return weights;
}

}  // namespace lq::deploy
