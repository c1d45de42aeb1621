// Functions of corresponding elements, for any number of arrays. For *_cuda.cu files.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/cuda/gradient.h"
#include "kernels/common/cuda/launch.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels::cuda {

inline constexpr int elementwise_threads = 256;

template <typename T, int n>
struct alignas(sizeof(T) * n) Pack {
  T values[n];
};

/// y[i] = function(x[i]...). A thread owns groups of `width` consecutive elements, a grid apart
/// from one another; groups are read and written as one access each. The elements behind the last
/// whole group have a thread each. No data is used twice: bound by memory.
template <int width, typename Function, typename Y, typename... X>
__global__ void __launch_bounds__(elementwise_threads)
    elementwise_kernel(std::int64_t elements, Function function, Y* y, const X*... x) {
  const std::int64_t thread =
      static_cast<std::int64_t>(blockIdx.x) * elementwise_threads + threadIdx.x;
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * elementwise_threads;
  const std::int64_t groups = elements / width;
  for (std::int64_t group = thread; group < groups; group += threads) {
    Pack<Y, width> results;
    [&](Pack<X, width>... packs) {  // values, since references would be read part by part
#pragma unroll
      for (int i = 0; i < width; ++i) results.values[i] = function(packs.values[i]...);
    }(reinterpret_cast<const Pack<X, width>*>(x)[group]...);
    reinterpret_cast<Pack<Y, width>*>(y)[group] = results;
  }
  for (std::int64_t i = groups * width + thread; i < elements; i += threads) {
    y[i] = function(x[i]...);
  }
}

template <int width, typename... Pointers>
bool are_aligned(Pointers... pointers) {
  return ((reinterpret_cast<std::uintptr_t>(pointers) % (width * sizeof(*pointers)) == 0) && ...);
}

/// Runs it over arrays of `elements` on the stream's device. y may alias any x, element for
/// element.
template <typename Function, typename Y, typename... X>
void elementwise(std::string_view operation, Stream& stream, std::int64_t elements,
                 Function function, Y* y, const X*... x) {
  constexpr int width = 4;
  constexpr std::int64_t most_blocks = 4096;  // several waves of any device
  const std::int64_t blocks = std::min(
      ceil_divide(ceil_divide<std::int64_t>(elements, width), std::int64_t{elementwise_threads}),
      most_blocks);
  const LaunchShape shape{dim3(static_cast<unsigned>(blocks)), dim3(elementwise_threads)};
  const auto kernel = are_aligned<width>(y, x...) ? elementwise_kernel<width, Function, Y, X...>
                                                  : elementwise_kernel<1, Function, Y, X...>;
  launch(operation, kernel, shape, stream, elements, function, y, x...);
}

/// What accumulates a gradient: the value before, and that of the function.
template <typename Function>
struct AddedTo {
  Function function;
  template <typename... X>
  __device__ float operator()(float before, X... values) const {
    return add_gradient(before, function(values...));
  }
};

/// gradient[i] (+)= function(x[i]...); ignore mode does nothing.
template <typename Function, typename... X>
void elementwise_gradient(std::string_view operation, Stream& stream, std::int64_t elements,
                          GradientMode mode, Function function, float* gradient, const X*... x) {
  if (mode == GradientMode::overwrite) {
    elementwise(operation, stream, elements, function, gradient, x...);
  } else if (mode == GradientMode::accumulate) {
    elementwise(operation, stream, elements, AddedTo<Function>{function}, gradient,
                const_cast<const float*>(gradient), x...);
  }
}

}  // namespace lq::kernels::cuda
