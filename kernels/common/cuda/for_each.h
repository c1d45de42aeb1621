// A thread for each element, where a function does all. For *_cuda.cu files.
#pragma once

#include <cstdint>

#include "kernels/common/cuda/launch.h"

namespace lq::kernels::cuda {

inline constexpr int for_each_threads = 256;

/// A thread owns element i of `elements` and calls function(i); neighbours own neighbours.
template <typename Function>
__global__ void __launch_bounds__(for_each_threads)
    for_each_kernel(std::int64_t elements, Function function) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * for_each_threads + threadIdx.x;
  if (i < elements) function(i);
}

template <typename Function>
void for_each(std::string_view operation, Stream& stream, std::int64_t elements,
              const Function& function) {
  const LaunchShape shape{
      dim3(static_cast<unsigned>(divide_up<std::int64_t>(elements, for_each_threads))),
      dim3(for_each_threads)};
  launch(operation, for_each_kernel<Function>, shape, stream, elements, function);
}

}  // namespace lq::kernels::cuda
