#include "autograd/global_average_pool.h"

#include "kernels/pool/pool.h"

namespace lq::autograd {

Variable global_average_pool(const Variable& x) {
  check(x.shape().rank() == 4, "global_average_pool: x is {}, expected N H W C", x.shape());
  Tensor y({x.shape()[0], x.shape()[3]}, DType::f32, x.device());
  kernels::global_average_pool_forward(current_stream(x.device()), x.value().view<float>(),
                                       y.view<float>());
  // Saved: nothing.
  return record("global_average_pool", {}, {x}, std::move(y),
                [](const Tensor& grad_y, std::span<GradientSink> sinks) {
                  const GradientMode mode = sinks[0].mode();
                  kernels::global_average_pool_backward(current_stream(grad_y.device()),
                                                        grad_y.view<float>(),
                                                        sinks[0].buffer().view<float>(), mode);
                });
}

}  // namespace lq::autograd
