#include "autograd/average_pool.h"

#include "autograd/pool_attributes.h"

namespace lq::autograd {

Variable average_pool(const Variable& x, const PoolOptions& options) {
  Attributes attributes = pool_attributes("average_pool", x.shape(), options);
  Tensor y(kernels::pool_output_shape("average_pool", x.shape(), options), DType::f32, x.device());
  kernels::average_pool_forward(current_stream(x.device()), x.value().view<float>(),
                                y.view<float>(), options);
  // Saved: nothing.
  return record("average_pool", std::move(attributes), {x}, std::move(y),
                [options](const Tensor& grad_y, std::span<GradientSink> sinks) {
                  const GradientMode mode = sinks[0].mode();
                  kernels::average_pool_backward(current_stream(grad_y.device()),
                                                 grad_y.view<float>(),
                                                 sinks[0].buffer().view<float>(), options, mode);
                });
}

}  // namespace lq::autograd
