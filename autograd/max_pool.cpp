#include "autograd/max_pool.h"

#include "autograd/pool_attributes.h"

namespace lq::autograd {

Variable max_pool(const Variable& x, const PoolOptions& options) {
  Attributes attributes = pool_attributes("max_pool", x.shape(), options);
  Tensor y(kernels::pool_output_shape("max_pool", x.shape(), options), DType::f32, x.device());
  Tensor argmax;
  if (x.requires_gradient() && record_mode() == RecordMode::gradient) {
    argmax = Tensor(y.shape(), DType::u8, x.device());
  }
  kernels::max_pool_forward(current_stream(x.device()), x.value().view<float>(), y.view<float>(),
                            argmax.defined() ? argmax.view<std::uint8_t>() : View<std::uint8_t>(),
                            options);
  // Saved: argmax, a quarter of the size of y.
  Variable result =
      record("max_pool", std::move(attributes), {x}, std::move(y),
             [argmax, options](const Tensor& grad_y, std::span<GradientSink> sinks) {
               const GradientMode mode = sinks[0].mode();
               kernels::max_pool_backward(current_stream(grad_y.device()), grad_y.view<float>(),
                                          argmax.view<std::uint8_t>(),
                                          sinks[0].buffer().view<float>(), options, mode);
             });
  result.set_levels(x.levels());
  return result;
}

}  // namespace lq::autograd
