#include <limits>

#include "kernels/common/cuda/elementwise.h"
#include "kernels/common/cuda/gradient.h"
#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/scratch.h"
#include "kernels/tanh_normalize/tanh_normalize.h"

namespace lq::kernels::cuda {

namespace {

constexpr int search_threads = 1024;

/// Values that are not finite become NaN, which no other way of counting would tell.
struct Squash {
  __device__ float operator()(float x) const {
    return isfinite(x) ? tanhf(x) : std::numeric_limits<float>::quiet_NaN();
  }
};

/// The value of largest magnitude and where it is first; NaN is larger than every number.
struct Top {
  double magnitude = -1;  // of a float
  std::int64_t index = 0;

  __device__ void meet(const Top& other) {
    const bool other_is_nan = isnan(other.magnitude);
    const bool own_is_nan = isnan(magnitude);
    const bool is_larger = other_is_nan != own_is_nan ? other_is_nan : other.magnitude > magnitude;
    const bool is_equal = (other_is_nan && own_is_nan) || other.magnitude == magnitude;
    if (is_larger || (is_equal && other.index < index)) *this = other;
  }
};

/// One block looks at all values, since weights are few; a thread at every 1024th. Threads meet in
/// pairs in shared memory. Bound by the launch.
__global__ void __launch_bounds__(search_threads)
    find_top_kernel(std::int64_t elements, const float* values, Top* top) {
  __shared__ Top shared[search_threads];
  Top own;
  for (std::int64_t i = threadIdx.x; i < elements; i += search_threads) {
    own.meet({static_cast<double>(fabsf(values[i])), i});
  }
  shared[threadIdx.x] = own;
  for (int half = search_threads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x].meet(shared[threadIdx.x + half]);
  }
  if (threadIdx.x == 0) *top = shared[0];
}

struct DivideByTop {
  const Top* top;
  __device__ float operator()(float squashed) const {
    return top->magnitude == 0 ? 0.0F : __fdiv_rn(squashed, static_cast<float>(top->magnitude));
  }
};

__device__ float scale_of(const Top& top) {
  return top.magnitude == 0 ? 0.0F : __fdiv_rn(1.0F, static_cast<float>(top.magnitude));
}

/// One block: the gradient of the loss with respect to the maximum.
__global__ void __launch_bounds__(search_threads)
    gradient_of_top_kernel(std::int64_t elements, const float* grad_y, const float* squashed,
                           const Top* top, double* through_top) {
  __shared__ double shared[search_threads / warp_threads];
  const float scale = scale_of(*top);
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < elements; i += search_threads) {
    sum -= static_cast<double>(grad_y[i] * squashed[i] * scale * scale);
  }
  sum = block_sum<search_threads>(sum, shared);
  if (threadIdx.x == 0) *through_top = sum;
}

/// A thread owns an element: bound by memory.
template <bool accumulates>
__global__ void __launch_bounds__(elementwise_threads)
    tanh_normalize_backward_kernel(std::int64_t elements, const float* grad_y,
                                   const float* squashed, const Top* top, const double* through_top,
                                   float* grad_x) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * elementwise_threads + threadIdx.x;
  if (i >= elements) return;
  const float value = squashed[i];
  float gradient = grad_y[i] * scale_of(*top);
  if (i == top->index) gradient += static_cast<float>(*through_top) * (value < 0 ? -1.0F : 1.0F);
  gradient *= 1 - value * value;
  grad_x[i] = accumulates ? add_gradient(grad_x[i], gradient) : gradient;
}

}  // namespace

void tanh_normalize_forward(Stream& stream, ConstView<float> x, View<float> squashed,
                            View<float> y) {
  constexpr std::string_view operation = "tanh_normalize_forward";
  const std::int64_t elements = x.elements();
  if (elements == 0) return;
  Scratch<Top> top(stream, 1);
  elementwise(operation, stream, elements, Squash{}, squashed.data, x.data);
  launch(operation, find_top_kernel, {dim3(1), dim3(search_threads)}, stream, elements,
         squashed.data, top.data());
  elementwise(operation, stream, elements, DivideByTop{top.data()}, y.data,
              static_cast<const float*>(squashed.data));
}

void tanh_normalize_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> squashed,
                             View<float> grad_x, GradientMode mode) {
  constexpr std::string_view operation = "tanh_normalize_backward";
  const std::int64_t elements = squashed.elements();
  if (mode == GradientMode::ignore || elements == 0) return;
  Scratch<Top> top(stream, 1);
  Scratch<double> through_top(stream, 1);
  launch(operation, find_top_kernel, {dim3(1), dim3(search_threads)}, stream, elements,
         squashed.data, top.data());
  launch(operation, gradient_of_top_kernel, {dim3(1), dim3(search_threads)}, stream, elements,
         grad_y.data, squashed.data, top.data(), through_top.data());
  const LaunchShape shape{
      dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(elements, elementwise_threads))),
      dim3(elementwise_threads)};
  launch(operation,
         mode == GradientMode::accumulate ? tanh_normalize_backward_kernel<true>
                                          : tanh_normalize_backward_kernel<false>,
         shape, stream, elements, grad_y.data, squashed.data, top.data(), through_top.data(),
         grad_x.data);
}

}  // namespace lq::kernels::cuda
