#include "autograd/conv2d_record.h"

#include <algorithm>
#include <iterator>

#include "core/stream.h"
#include "kernels/conv2d/conv2d.h"

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

Variable record_conv2d(std::string_view operation, const kernels::Conv2dGeometry& geometry,
                       std::span<const Variable> inputs, Tensor y,
                       std::function<Tensor()> restore_x, Attributes extra) {
  const Tensor saved_weight = inputs[0].requires_gradient() ? inputs[1].value() : Tensor();
  auto backward = [geometry, saved_weight, restore_x = std::move(restore_x)](
                      const Tensor& grad_y, std::span<GradientSink> sinks) {
    Stream& stream = current_stream(grad_y.device());
    if (const GradientMode mode = sinks[0].mode(); mode != GradientMode::ignore) {
      kernels::conv2d_backward_data(stream, geometry, grad_y.view<float>(),
                                    saved_weight.view<float>(), sinks[0].buffer().view<float>(),
                                    mode);
    }
    if (const GradientMode mode = sinks[1].mode(); mode != GradientMode::ignore) {
      kernels::conv2d_backward_weights(stream, geometry, grad_y.view<float>(),
                                       restore_x().view<float>(), sinks[1].buffer().view<float>(),
                                       mode);
    }
    if (sinks.size() < 3) return;
    if (const GradientMode mode = sinks[2].mode(); mode != GradientMode::ignore) {
      kernels::conv2d_backward_bias(stream, geometry, grad_y.view<float>(),
                                    sinks[2].buffer().view<float>(), mode);
    }
  };
  return record(operation, describe(geometry, std::move(extra)), inputs, std::move(y),
                std::move(backward));
}

}  // namespace lq::autograd
