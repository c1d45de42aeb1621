#include "kernels/common/cuda/for_each.h"
#include "kernels/common/cuda/gradient.h"
#include "kernels/concat/concat.h"

// A thread owns an element of the narrower side, channels fastest. Bound by memory.

namespace lq::kernels::cuda {

namespace {

struct Place {
  std::int64_t channels;       // of the part
  std::int64_t all_channels;   // of the whole
  std::int64_t first_channel;  // of the part in the whole

  __device__ std::int64_t in_whole(std::int64_t i) const {
    return i / channels * all_channels + first_channel + i % channels;
  }
};

struct PutPart {
  Place place;
  const float* part;
  float* whole;
  __device__ void operator()(std::int64_t i) const { whole[place.in_whole(i)] = part[i]; }
};

struct TakePart {
  Place place;
  const float* whole;
  float* part;
  GradientMode mode;
  __device__ void operator()(std::int64_t i) const {
    deliver_gradient(part[i], whole[place.in_whole(i)], mode);
  }
};

}  // namespace

void concat_forward(Stream& stream, std::span<const ConstView<float>> inputs, View<float> y) {
  std::int64_t first = 0;
  for (const ConstView<float>& input : inputs) {
    const std::int64_t channels = input.shape[-1];
    for_each("concat_forward", stream, input.elements(),
             PutPart{{channels, y.shape[-1], first}, input.data, y.data});
    first += channels;
  }
}

void concat_backward(Stream& stream, ConstView<float> grad_y, std::int64_t first_channel,
                     View<float> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  for_each(
      "concat_backward", stream, grad_x.elements(),
      TakePart{
          {grad_x.shape[-1], grad_y.shape[-1], first_channel}, grad_y.data, grad_x.data, mode});
}

}  // namespace lq::kernels::cuda
