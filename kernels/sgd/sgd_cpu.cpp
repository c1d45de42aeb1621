#include <algorithm>
#include <vector>

#include "core/threads.h"
#include "kernels/sgd/sgd.h"

namespace lq::kernels::cpu {

namespace {

constexpr std::int64_t grain = 1 << 14;  // elements per chunk: 192 KiB of three arrays

/// Elements [begin, end) of one parameter.
struct Chunk {
  const SgdParameter* parameter;
  std::int64_t begin;
  std::int64_t end;
};

std::vector<Chunk> split(std::span<const SgdParameter> parameters) {
  std::vector<Chunk> chunks;
  for (const SgdParameter& parameter : parameters) {
    const std::int64_t elements = parameter.value.elements();
    for (std::int64_t begin = 0; begin < elements; begin += grain) {
      chunks.push_back({&parameter, begin, std::min(elements, begin + grain)});
    }
  }
  return chunks;
}

struct Factors {
  float rate;
  float momentum;
  float decay;
  float gradient_scale;
};

template <bool nesterov>
void update(const Chunk& chunk, const Factors& factors) {
  const auto [rate, momentum, decay, scale] = factors;
  float* const values = chunk.parameter->value.data;
  const float* const gradients = chunk.parameter->gradient.data;
  float* const velocities = chunk.parameter->velocity.data;
  for (std::int64_t i = chunk.begin; i < chunk.end; ++i) {
    const float gradient = scale * gradients[i] + decay * values[i];
    const float velocity = momentum * velocities[i] + gradient;
    velocities[i] = velocity;
    values[i] -= rate * (nesterov ? gradient + momentum * velocity : velocity);
  }
}

}  // namespace

void sgd_step(Stream&, std::span<const SgdParameter> parameters, const SgdOptions& options) {
  const std::vector<Chunk> chunks = split(parameters);
  parallel_for(static_cast<std::int64_t>(chunks.size()), [&](std::int64_t index) {
    const Chunk& chunk = chunks[index];
    const Factors factors{
        .rate = static_cast<float>(options.learning_rate),
        .momentum = static_cast<float>(options.momentum),
        .decay = chunk.parameter->decay ? static_cast<float>(options.weight_decay) : 0.0F,
        .gradient_scale = static_cast<float>(options.gradient_scale)};
    if (options.nesterov) {
      update<true>(chunk, factors);
    } else {
      update<false>(chunk, factors);
    }
  });
}

}  // namespace lq::kernels::cpu
