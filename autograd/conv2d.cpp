#include "autograd/conv2d.h"

#include <algorithm>
#include <iterator>

#include "core/stream.h"

namespace lq::autograd {

namespace {

Attributes describe(const kernels::Conv2dGeometry& geometry, Attributes extra) {
  using Integers = std::vector<std::int64_t>;
  Attributes attributes{{"kernel", Integers{geometry.kernel_h, geometry.kernel_w}},
                        {"stride", Integers{geometry.stride_h, geometry.stride_w}},
                        {"padding", Integers{geometry.pad_top, geometry.pad_bottom,
                                             geometry.pad_left, geometry.pad_right}},
                        {"groups", geometry.groups}};
  std::ranges::move(extra, std::back_inserter(attributes));
  return attributes;
}

}  // namespace

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

  // Saved: x for the weight's gradient, weight for x's.
  const Tensor saved_x = weight.requires_gradient() ? x.value() : Tensor();
  const Tensor saved_weight = x.requires_gradient() ? weight.value() : Tensor();
  auto backward = [geometry, saved_x, saved_weight](const Tensor& grad_y,
                                                    std::span<GradientSink> sinks) {
    Stream& stream = current_stream(grad_y.device());
    if (const GradientMode mode = sinks[0].mode(); mode != GradientMode::ignore) {
      kernels::conv2d_backward_data(stream, geometry, grad_y.view<float>(),
                                    saved_weight.view<float>(), sinks[0].buffer().view<float>(),
                                    mode);
    }
    if (const GradientMode mode = sinks[1].mode(); mode != GradientMode::ignore) {
      kernels::conv2d_backward_weights(stream, geometry, grad_y.view<float>(),
                                       saved_x.view<float>(), sinks[1].buffer().view<float>(),
                                       mode);
    }
    if (sinks.size() < 3) return;
    if (const GradientMode mode = sinks[2].mode(); mode != GradientMode::ignore) {
      kernels::conv2d_backward_bias(stream, geometry, grad_y.view<float>(),
                                    sinks[2].buffer().view<float>(), mode);
    }
  };
  return record("conv2d", describe(geometry, std::move(extra)), inputs, std::move(y),
                std::move(backward));
}

}  // namespace lq::autograd
