#include "autograd/tanh_normalize.h"

#include "core/stream.h"
#include "kernels/tanh_normalize/tanh_normalize.h"

namespace lq::autograd {

Variable tanh_normalize(const Variable& x) {
  Tensor squashed(x.shape(), DType::f32, x.device());
  Tensor y(x.shape(), DType::f32, x.device());
  kernels::tanh_normalize_forward(current_stream(x.device()), x.value().view<float>(),
                                  squashed.view<float>(), y.view<float>());
  return record("tanh_normalize", {}, {x}, std::move(y),
                [squashed](const Tensor& gradient, std::span<GradientSink> inputs) {
                  const GradientMode mode = inputs[0].mode();
                  if (mode == GradientMode::ignore) return;
                  kernels::tanh_normalize_backward(current_stream(squashed.device()),
                                                   gradient.view<float>(), squashed.view<float>(),
                                                   inputs[0].buffer().view<float>(), mode);
                });
}

}  // namespace lq::autograd
