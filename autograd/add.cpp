#include "autograd/add.h"

#include "autograd/pass_on.h"
#include "kernels/add/add.h"

namespace lq::autograd {

Variable add(const Variable& a, const Variable& b) {
  Tensor y(a.shape(), DType::f32, a.device());
  kernels::add_forward(current_stream(a.device()), a.value().view<float>(), b.value().view<float>(),
                       y.view<float>());
  // Saved: nothing.
  return record("add", {}, {a, b}, std::move(y),
                [](const Tensor& grad_y, std::span<GradientSink> sinks) {
                  for (GradientSink& sink : sinks) pass_on(grad_y, sink);
                });
}

}  // namespace lq::autograd
