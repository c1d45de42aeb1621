#include "kernels/channel_pad/channel_pad.h"
#include "kernels/common/cuda/for_each.h"
#include "kernels/common/cuda/gradient.h"

// A thread owns an element of what is written, channels fastest. Bound by memory.

namespace lq::kernels::cuda {

namespace {

struct Pad {
  std::int64_t before, x_channels, y_channels;
  const float* x;
  float* y;
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t c = i % y_channels - before;
    y[i] = c >= 0 && c < x_channels ? x[i / y_channels * x_channels + c] : 0.0F;
  }
};

struct PadGradient {
  std::int64_t before, x_channels, y_channels;
  const float* grad_y;
  float* grad_x;
  GradientMode mode;
  __device__ void operator()(std::int64_t i) const {
    deliver_gradient(grad_x[i], grad_y[i / x_channels * y_channels + before + i % x_channels],
                     mode);
  }
};

}  // namespace

void channel_pad_forward(Stream& stream, ConstView<float> x, View<float> y,
                         const ChannelPadOptions& options) {
  for_each("channel_pad_forward", stream, y.elements(),
           Pad{options.before, x.shape[-1], y.shape[-1], x.data, y.data});
}

void channel_pad_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                          const ChannelPadOptions& options, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  for_each("channel_pad_backward", stream, grad_x.elements(),
           PadGradient{options.before, grad_x.shape[-1], grad_y.shape[-1], grad_y.data, grad_x.data,
                       mode});
}

}  // namespace lq::kernels::cuda
