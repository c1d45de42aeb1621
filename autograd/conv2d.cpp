#include "autograd/conv2d.h"

#include "autograd/conv2d_record.h"
#include "core/stream.h"

namespace lq::autograd {

Variable conv2d(const Variable& x, const Variable& weight, const Variable& bias,
                const Conv2dOptions& options, Attributes extra) {
  const auto geometry = kernels::conv2d_geometry(x.shape(), weight.shape(), options);
  Tensor y(geometry.y_shape(), DType::f32, x.device());
  std::vector<Variable> inputs{x, weight};
  ConstView<float> bias_view;
  if (bias.defined()) {
    inputs.push_back(bias);
    bias_view = bias.value().view<float>();
  }
  kernels::conv2d_forward(current_stream(x.device()), geometry, x.value().view<float>(),
                          weight.value().view<float>(), bias_view, y.view<float>());
  const Tensor saved_x = weight.requires_gradient() ? x.value() : Tensor();
  return record_conv2d(
      "conv2d", geometry, inputs, std::move(y), [saved_x] { return saved_x; }, std::move(extra));
}

}  // namespace lq::autograd
