#include "autograd/linear.h"

#include "core/stream.h"
#include "kernels/linear/linear.h"

namespace lq::autograd {

Variable linear(const Variable& x, const Variable& weight, const Variable& bias, Attributes extra) {
  check(x.shape().rank() == 2 && weight.shape().rank() == 2,
        "linear: x {} and weight {}, expected N I and O I", x.shape(), weight.shape());
  Tensor y({x.shape()[0], weight.shape()[0]}, DType::f32, x.device());
  std::vector<Variable> inputs{x, weight};
  ConstView<float> bias_view;
  if (bias.defined()) {
    inputs.push_back(bias);
    bias_view = bias.value().view<float>();
  }
  kernels::linear_forward(current_stream(x.device()), x.value().view<float>(),
                          weight.value().view<float>(), bias_view, y.view<float>());

  // Saved: x for the weight's gradient, weight for x's.
  const Tensor saved_x = weight.requires_gradient() ? x.value() : Tensor();
  const Tensor saved_weight = x.requires_gradient() ? weight.value() : Tensor();
  auto backward = [saved_x, saved_weight](const Tensor& grad_y, std::span<GradientSink> sinks) {
    Stream& stream = current_stream(grad_y.device());
    if (const GradientMode mode = sinks[0].mode(); mode != GradientMode::ignore) {
      kernels::linear_backward_data(stream, grad_y.view<float>(), saved_weight.view<float>(),
                                    sinks[0].buffer().view<float>(), mode);
    }
    if (const GradientMode mode = sinks[1].mode(); mode != GradientMode::ignore) {
      kernels::linear_backward_weights(stream, grad_y.view<float>(), saved_x.view<float>(),
                                       sinks[1].buffer().view<float>(), mode);
    }
    if (sinks.size() < 3) return;
    if (const GradientMode mode = sinks[2].mode(); mode != GradientMode::ignore) {
      kernels::linear_backward_bias(stream, grad_y.view<float>(), sinks[2].buffer().view<float>(),
                                    mode);
    }
  };
  return record("linear", std::move(extra), inputs, std::move(y), std::move(backward));
}

}  // namespace lq::autograd
