#include "autograd/relu.h"

#include "kernels/relu/relu.h"

namespace lq::autograd {

Variable relu(const Variable& x) {
  Tensor y(x.shape(), DType::f32, x.device());
  kernels::relu_forward(current_stream(x.device()), x.value().view<float>(), y.view<float>());
  // Saved: y. The next operation needs it as well, so that it costs no memory of its own.
  return record("relu", {}, {x}, y, [y](const Tensor& grad_y, std::span<GradientSink> sinks) {
    const GradientMode mode = sinks[0].mode();
    kernels::relu_backward(current_stream(y.device()), grad_y.view<float>(), y.view<float>(),
                           sinks[0].buffer().view<float>(), mode);
  });
}

}  // namespace lq::autograd
