#include <algorithm>

#include "kernels/common/cuda/launch.h"
#include "kernels/sgd/sgd.h"

namespace lq::kernels::cuda {

namespace {

constexpr int sgd_threads = 256;
constexpr std::int64_t sgd_chunk = 4 * sgd_threads;  // elements of a block
/// As many parameters as fit what a launch passes by value.
constexpr int most_parameters = 80;

struct Entry {
  float* value;
  const float* gradient;
  float* velocity;
  std::int64_t elements;
  std::int64_t first_block;
  float decay;
};

struct Batch {
  Entry entries[most_parameters];
  int count = 0;
};

/// A block owns 1024 elements of one of the parameters, which it finds by halving the list; a
/// thread every 256th. Each of the three arrays is read once, two are written: bound by memory.
template <bool nesterov>
__global__ void __launch_bounds__(sgd_threads)
    sgd_kernel(const __grid_constant__ Batch batch, float rate, float momentum) {
  int low = 0;
  for (int high = batch.count; low + 1 < high;) {
    const int middle = (low + high) / 2;
    (batch.entries[middle].first_block <= blockIdx.x ? low : high) = middle;
  }
  const Entry& own = batch.entries[low];
  const std::int64_t begin = (blockIdx.x - own.first_block) * sgd_chunk + threadIdx.x;
#pragma unroll
  for (int k = 0; k < sgd_chunk / sgd_threads; ++k) {
    const std::int64_t i = begin + k * sgd_threads;
    if (i >= own.elements) return;
    const float gradient = own.gradient[i] + own.decay * own.value[i];
    const float velocity = momentum * own.velocity[i] + gradient;
    own.velocity[i] = velocity;
    own.value[i] -= rate * (nesterov ? gradient + momentum * velocity : velocity);
  }
}

}  // namespace

void sgd_step(Stream& stream, std::span<const SgdParameter> parameters, const SgdOptions& options) {
  const auto kernel = options.nesterov ? sgd_kernel<true> : sgd_kernel<false>;
  Batch batch;
  std::int64_t blocks = 0;
  const auto flush = [&] {
    launch("sgd_step", kernel, {dim3(static_cast<unsigned>(blocks)), dim3(sgd_threads)}, stream,
           batch, static_cast<float>(options.learning_rate), static_cast<float>(options.momentum));
    batch.count = 0;
    blocks = 0;
  };
  for (const SgdParameter& parameter : parameters) {
    const std::int64_t elements = parameter.value.elements();
    if (elements == 0) continue;
    batch.entries[batch.count++] = {
        parameter.value.data,
        parameter.gradient.data,
        parameter.velocity.data,
        elements,
        blocks,
        parameter.decay ? static_cast<float>(options.weight_decay) : 0.0F};
    blocks += divide_up(elements, sgd_chunk);
    if (batch.count == most_parameters) flush();
  }
  flush();
}

}  // namespace lq::kernels::cuda
