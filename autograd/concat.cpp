#include "autograd/concat.h"

#include "kernels/concat/concat.h"

namespace lq::autograd {

namespace {

Shape concat_shape(std::span<const Variable> inputs) {
  check(!inputs.empty(), "concat: no inputs given, expected one or more");
  std::int64_t channels = 0;
  for (const Variable& input : inputs) {
    check(input.shape().rank() >= 1, "concat: an input is a scalar, expected channels");
    channels += input.shape()[-1];
  }
  const auto first = inputs[0].shape().extents();
  std::vector<std::int64_t> extents(first.begin(), first.end());
  extents.back() = channels;
  return Shape(std::span<const std::int64_t>(extents));
}

}  // namespace

Variable concat(std::span<const Variable> inputs) {
  const Shape shape = concat_shape(inputs);  // checks that there are inputs
  Tensor y(shape, DType::f32, inputs[0].device());
  std::vector<ConstView<float>> views;
  std::vector<std::int64_t> first_channels;
  std::int64_t channels = 0;
  for (const Variable& input : inputs) {
    views.push_back(input.value().view<float>());
    first_channels.push_back(channels);
    channels += input.shape()[-1];
  }
  kernels::concat_forward(current_stream(y.device()), views, y.view<float>());
  // Saved: nothing.
  return record("concat", {}, inputs, std::move(y),
                [first_channels](const Tensor& grad_y, std::span<GradientSink> sinks) {
                  for (std::size_t i = 0; i < sinks.size(); ++i) {
                    if (!sinks[i].wanted()) continue;
                    const GradientMode mode = sinks[i].mode();
                    kernels::concat_backward(current_stream(grad_y.device()), grad_y.view<float>(),
                                             first_channels[i], sinks[i].buffer().view<float>(),
                                             mode);
                  }
                });
}

}  // namespace lq::autograd
