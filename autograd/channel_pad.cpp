#include "autograd/channel_pad.h"

namespace lq::autograd {

Variable channel_pad(const Variable& x, const ChannelPadOptions& options) {
  Tensor y(kernels::channel_pad_output_shape(x.shape(), options), DType::f32, x.device());
  kernels::channel_pad_forward(current_stream(x.device()), x.value().view<float>(), y.view<float>(),
                               options);
  // Saved: nothing.
  return record("channel_pad", {{"before", options.before}, {"after", options.after}}, {x},
                std::move(y), [options](const Tensor& grad_y, std::span<GradientSink> sinks) {
                  const GradientMode mode = sinks[0].mode();
                  kernels::channel_pad_backward(current_stream(grad_y.device()),
                                                grad_y.view<float>(),
                                                sinks[0].buffer().view<float>(), options, mode);
                });
}

}  // namespace lq::autograd
