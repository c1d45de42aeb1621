#include "autograd/reshape.h"

#include "autograd/pass_on.h"

namespace lq::autograd {

Variable reshape(const Variable& x, const Shape& shape) {
  const auto extents = shape.extents();
  // Saved: nothing.
  return record("reshape", {{"shape", std::vector<std::int64_t>(extents.begin(), extents.end())}},
                {x}, x.value().reshape(shape),
                [x_shape = x.shape()](const Tensor& grad_y, std::span<GradientSink> sinks) {
                  pass_on(grad_y.reshape(x_shape), sinks[0]);
                });
}

}  // namespace lq::autograd
