#include <algorithm>
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
  std::int64_t index = 0;
  float magnitude = -1;
  float padding = 0;  // written, since a top is copied as a whole

  __device__ void meet(const Top& other) {
    const bool other_is_nan = isnan(other.magnitude);
    const bool own_is_nan = isnan(magnitude);
    const bool is_larger = other_is_nan != own_is_nan ? other_is_nan : other.magnitude > magnitude;
    const bool is_equal = (other_is_nan && own_is_nan) || other.magnitude == magnitude;
    if (is_larger || (is_equal && other.index < index)) *this = other;
  }
};

/// How values are shared out to blocks: by their number alone, so that sums do not depend on the
/// device. One block more takes what comes out of these.
struct Parts {
  std::int64_t elements = 0;
  std::int64_t elements_per_part = 0;
  std::int64_t count = 0;

  explicit Parts(std::int64_t elements_) : elements(elements_) {
    constexpr std::int64_t fewest_elements = 16 * search_threads;
    constexpr std::int64_t most_parts = 512;
    elements_per_part = std::max(ceil_divide(elements, most_parts), fewest_elements);
    count = ceil_divide(elements, elements_per_part);
  }
  LaunchShape shape() const { return {dim3(static_cast<unsigned>(count)), dim3(search_threads)}; }

  /// function(i) for the elements that this thread looks at.
  template <typename Function>
  __device__ void for_each(Function function) const {
    const std::int64_t begin = blockIdx.x * elements_per_part;
    const std::int64_t end = min(begin + elements_per_part, elements);
    for (std::int64_t i = begin + threadIdx.x; i < end; i += search_threads) function(i);
  }
};

struct MagnitudeOfValue {
  const float* values;
  __device__ Top operator()(std::int64_t i) const { return {i, fabsf(values[i])}; }
};

struct TopOfPart {
  const Top* tops;
  __device__ Top operator()(std::int64_t part) const { return tops[part]; }
};

/// A block looks at the tops `source(i)` of a part, a thread at every 1024th. Threads meet in pairs
/// in shared memory. Bound by memory, or by the launch where parts are few.
template <typename Source>
__global__ void __launch_bounds__(search_threads)
    find_top_kernel(Parts parts, Source source, Top* tops) {
  __shared__ Top shared[search_threads];
  Top own;
  parts.for_each([&](std::int64_t i) { own.meet(source(i)); });
  shared[threadIdx.x] = own;
  for (int half = search_threads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x].meet(shared[threadIdx.x + half]);
  }
  if (threadIdx.x == 0) tops[blockIdx.x] = shared[0];
}

/// The top of all values, on the device.
class TopOfAll {
 public:
  TopOfAll(std::string_view operation, Stream& stream, const float* values, const Parts& parts)
      : tops_(stream, parts.count), top_(stream, 1) {
    launch(operation, find_top_kernel<MagnitudeOfValue>, parts.shape(), stream, parts,
           MagnitudeOfValue{values}, tops_.data());
    const Parts whole(parts.count);
    launch(operation, find_top_kernel<TopOfPart>, whole.shape(), stream, whole,
           TopOfPart{tops_.data()}, top_.data());
  }
  const Top* data() { return top_.data(); }

 private:
  Scratch<Top> tops_;
  Scratch<Top> top_;
};

struct DivideByTop {
  const Top* top;
  __device__ float operator()(float squashed) const {
    return top->magnitude == 0 ? 0.0F : __fdiv_rn(squashed, top->magnitude);
  }
};

__device__ float scale_of(const Top& top) {
  return top.magnitude == 0 ? 0.0F : __fdiv_rn(1.0F, top.magnitude);
}

/// What an element contributes to the gradient of the loss with respect to the maximum.
struct ThroughTop {
  const float* grad_y;
  const float* squashed;
  const Top* top;
  __device__ double operator()(std::int64_t i) const {
    const float scale = scale_of(*top);
    return -static_cast<double>(grad_y[i] * squashed[i] * scale * scale);
  }
};

struct SumOfPart {
  const double* sums;
  __device__ double operator()(std::int64_t part) const { return sums[part]; }
};

/// A block adds up the numbers `source(i)` of a part: bound by memory, or by the launch where parts
/// are few.
template <typename Source>
__global__ void __launch_bounds__(search_threads)
    add_up_kernel(Parts parts, Source source, double* sums) {
  __shared__ double shared[search_threads / warp_threads];
  double sum = 0;
  parts.for_each([&](std::int64_t i) { sum += source(i); });
  sum = block_sum<search_threads>(sum, shared);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
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
  elementwise(operation, stream, elements, Squash{}, squashed.data, x.data);
  TopOfAll top(operation, stream, squashed.data, Parts(elements));
  elementwise(operation, stream, elements, DivideByTop{top.data()}, y.data,
              static_cast<const float*>(squashed.data));
}

void tanh_normalize_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> squashed,
                             View<float> grad_x, GradientMode mode) {
  constexpr std::string_view operation = "tanh_normalize_backward";
  const std::int64_t elements = squashed.elements();
  if (mode == GradientMode::ignore || elements == 0) return;
  const Parts parts(elements);
  TopOfAll top(operation, stream, squashed.data, parts);
  Scratch<double> sums(stream, parts.count);
  Scratch<double> through_top(stream, 1);
  launch(operation, add_up_kernel<ThroughTop>, parts.shape(), stream, parts,
         ThroughTop{grad_y.data, squashed.data, top.data()}, sums.data());
  const Parts whole(parts.count);
  launch(operation, add_up_kernel<SumOfPart>, whole.shape(), stream, whole, SumOfPart{sums.data()},
         through_top.data());
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
