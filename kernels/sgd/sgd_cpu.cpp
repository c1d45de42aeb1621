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

template <bool nesterov>
void update(const Chunk& chunk, float rate, float momentum, float decay) {
  float* const values = chunk.parameter->value.data;
  const float* const gradients = chunk.parameter->gradient.data;
  float* const velocities = chunk.parameter->velocity.data;
  for (std::int64_t i = chunk.begin; i < chunk.end; ++i) {
    const float gradient = gradients[i] + decay * values[i];
    const float velocity = momentum * velocities[i] + gradient;
    velocities[i] = velocity;
    values[i] -= rate * (nesterov ? gradient + momentum * velocity : velocity);
  }
}

}  // namespace

void sgd_step(Stream&, std::span<const SgdParameter> parameters, const SgdOptions& options) {
  const auto rate = static_cast<float>(options.learning_rate);
  const auto momentum = static_cast<float>(options.momentum);
  const std::vector<Chunk> chunks = split(parameters);
  parallel_for(static_cast<std::int64_t>(chunks.size()), [&](std::int64_t index) {
    const Chunk& chunk = chunks[index];
    const float decay = chunk.parameter->decay ? static_cast<float>(options.weight_decay) : 0.0F;
    if (options.nesterov) {
      update<true>(chunk, rate, momentum, decay);
    } else {
      update<false>(chunk, rate, momentum, decay);
    }
  });
}

}  // namespace lq::kernels::cpu
