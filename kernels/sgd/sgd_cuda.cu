#include <algorithm>

#include "kernels/common/cuda/elementwise.h"
#include "kernels/sgd/sgd.h"

namespace lq::kernels::cuda {

namespace {

constexpr int sgd_threads = 256;
constexpr int sgd_width = 4;
constexpr int elements_per_block = 2048;
// Tensors that a launch takes, and copies as its argument: 4 KB of them for small networks, and for
// large ones 20, so that the largest of the registry, ResNet-152 with 467 tensors, takes one
// launch.
constexpr int few_tensors = 96;
constexpr int many_tensors = 512;
constexpr std::size_t most_argument_bytes = 32764;  // on 7.0 and later

struct SgdTensor {
  float* value;
  const float* gradient;
  float* velocity;
  std::int64_t elements;
  int first_block;
  bool decay;
  bool aligned;  // for accesses of sgd_width elements
};

template <int capacity>
struct SgdBatch {
  SgdTensor tensors[capacity];
  int count = 0;
  int blocks = 0;
};

struct Update {
  float rate;
  float momentum;
  float weight_decay;
  float gradient_scale;
  bool nesterov;

  __device__ void operator()(float& value, float gradient, float& velocity, bool decay) const {
    gradient *= gradient_scale;
    if (decay) gradient += weight_decay * value;
    velocity = momentum * velocity + gradient;
    value -= rate * (nesterov ? gradient + momentum * velocity : velocity);
  }
};

/// The last tensor that begins at this block or before.
template <int capacity>
__device__ int tensor_of_block(const SgdBatch<capacity>& batch, int block) {
  int first = 0;
  int last = batch.count - 1;
  while (first < last) {
    const int middle = (first + last + 1) / 2;
    if (batch.tensors[middle].first_block <= block) {
      first = middle;
    } else {
      last = middle - 1;
    }
  }
  return first;
}

template <int width>
__device__ void update_elements(const SgdTensor& tensor, const Update& update, std::int64_t begin,
                                std::int64_t end) {
  using Values = Pack<float, width>;
  for (std::int64_t i = begin + static_cast<std::int64_t>(threadIdx.x) * width; i + width <= end;
       i += sgd_threads * width) {
    auto values = *reinterpret_cast<const Values*>(tensor.value + i);
    const auto gradients = *reinterpret_cast<const Values*>(tensor.gradient + i);
    auto velocities = *reinterpret_cast<const Values*>(tensor.velocity + i);
#pragma unroll
    for (int j = 0; j < width; ++j) {
      update(values.values[j], gradients.values[j], velocities.values[j], tensor.decay);
    }
    *reinterpret_cast<Values*>(tensor.value + i) = values;
    *reinterpret_cast<Values*>(tensor.velocity + i) = velocities;
  }
}

/// The parameters of a network in one launch. A block owns 2048 consecutive elements of one of
/// them, which its first thread finds by a search in the kernel's parameters; a thread owns groups
/// of four elements. 20 bytes are moved for about 4 operations: bound by memory.
template <int capacity>
__global__ void __launch_bounds__(sgd_threads)
    sgd_kernel(const __grid_constant__ SgdBatch<capacity> batch, Update update) {
  __shared__ int own_tensor;
  const auto block = static_cast<int>(blockIdx.x);
  if (threadIdx.x == 0) own_tensor = tensor_of_block(batch, block);
  __syncthreads();
  const SgdTensor& tensor = batch.tensors[own_tensor];
  const std::int64_t begin =
      static_cast<std::int64_t>(block - tensor.first_block) * elements_per_block;
  const std::int64_t end = min(begin + elements_per_block, tensor.elements);
  if (!tensor.aligned) {
    update_elements<1>(tensor, update, begin, end);
    return;
  }
  const std::int64_t whole = begin + (end - begin) / sgd_width * sgd_width;
  update_elements<sgd_width>(tensor, update, begin, whole);
  update_elements<1>(tensor, update, whole, end);
}

SgdTensor describe(const SgdParameter& parameter, int first_block) {
  return {parameter.value.data,
          parameter.gradient.data,
          parameter.velocity.data,
          parameter.value.elements(),
          first_block,
          parameter.decay,
          are_aligned<sgd_width>(parameter.value.data, parameter.gradient.data,
                                 parameter.velocity.data)};
}

/// As many launches as it takes with `capacity` tensors each.
template <int capacity>
void step(Stream& stream, std::span<const SgdParameter> parameters, const Update& update) {
  using Batch = SgdBatch<capacity>;
  static_assert(sizeof(Batch) + sizeof(Update) <= most_argument_bytes);
  Batch batch;
  const auto launch_batch = [&] {
    launch("sgd_step", sgd_kernel<capacity>,
           {dim3(static_cast<unsigned>(batch.blocks)), dim3(sgd_threads)}, stream, batch, update);
    batch.count = 0;
    batch.blocks = 0;
  };
  for (const SgdParameter& parameter : parameters) {
    if (parameter.value.elements() == 0) continue;
    batch.tensors[batch.count++] = describe(parameter, batch.blocks);
    batch.blocks +=
        static_cast<int>(ceil_divide<std::int64_t>(parameter.value.elements(), elements_per_block));
    if (batch.count == capacity) launch_batch();
  }
  launch_batch();
}

}  // namespace

void sgd_step(Stream& stream, std::span<const SgdParameter> parameters, const SgdOptions& options) {
  const Update update{static_cast<float>(options.learning_rate),
                      static_cast<float>(options.momentum),
                      static_cast<float>(options.weight_decay),
                      static_cast<float>(options.gradient_scale), options.nesterov};
  if (parameters.size() <= few_tensors) {
    step<few_tensors>(stream, parameters, update);
  } else {
    step<many_tensors>(stream, parameters, update);
  }
}

}  // namespace lq::kernels::cuda
