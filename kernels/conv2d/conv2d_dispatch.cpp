#include <fmt/format.h>

#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/conv2d/conv2d.h"

namespace lq::kernels {

std::string Conv2dGeometry::to_string() const {
  return fmt::format(
      "{} * {}, stride {}x{}, padding {},{},{},{} (top, bottom, left, right), groups {}",
      x_shape().to_string(), weight_shape().to_string(), stride_h, stride_w, pad_top, pad_bottom,
      pad_left, pad_right, groups);
}

Conv2dGeometry conv2d_geometry(const Shape& x, const Shape& weight, const Conv2dOptions& options) {
  check(x.rank() == 4 && x.elements() > 0, "conv2d: x is {}, expected N H W C, none of them 0",
        x.to_string());
  check(weight.rank() == 4 && weight.elements() > 0,
        "conv2d: weight is {}, expected O R S C/G, none of them 0", weight.to_string());
  const std::int64_t groups = options.groups;
  check(groups >= 1 && x[3] % groups == 0 && weight[0] % groups == 0,
        "conv2d: {} groups for {} input and {} output channels, expected a common divisor", groups,
        x[3], weight[0]);
  check(weight[3] == x[3] / groups,
        "conv2d: weight {} reads {} input channels per group, but x {} has {} (groups {})",
        weight.to_string(), weight[3], x.to_string(), x[3] / groups, groups);
  const AxisPadding vertical =
      resolve("conv2d", options.padding, PlaneAxis::height, x[1], weight[1], options.stride_h);
  const AxisPadding horizontal =
      resolve("conv2d", options.padding, PlaneAxis::width, x[2], weight[2], options.stride_w);

  Conv2dGeometry geometry;
  geometry.n = x[0];
  geometry.h = x[1];
  geometry.w = x[2];
  geometry.c_in = x[3];
  geometry.c_out = weight[0];
  geometry.kernel_h = weight[1];
  geometry.kernel_w = weight[2];
  geometry.out_h = vertical.out;
  geometry.out_w = horizontal.out;
  geometry.stride_h = options.stride_h;
  geometry.stride_w = options.stride_w;
  geometry.pad_top = vertical.before;
  geometry.pad_bottom = vertical.after;
  geometry.pad_left = horizontal.before;
  geometry.pad_right = horizontal.after;
  geometry.groups = groups;
  return geometry;
}

void conv2d_forward(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> x,
                    ConstView<float> weight, ConstView<float> bias, View<float> y) {
  constexpr std::string_view operation = "conv2d_forward";
  check_view(operation, "x", stream, x, geometry.x_shape());
  check_view(operation, "weight", stream, weight, geometry.weight_shape());
  if (bias) check_view(operation, "bias", stream, bias, geometry.bias_shape());
  check_view(operation, "y", stream, y, geometry.y_shape());
  choose<Conv2dForward>(
      operation, stream,
      {reference::conv2d_forward, cpu::conv2d_forward, LQNET_CUDA_KERNEL(cuda::conv2d_forward)})(
      stream, geometry, x, weight, bias, y);
}

void conv2d_backward_data(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                          ConstView<float> weight, View<float> grad_x, GradientMode mode) {
  constexpr std::string_view operation = "conv2d_backward_data";
  check_view(operation, "grad_y", stream, grad_y, geometry.y_shape());
  check_view(operation, "weight", stream, weight, geometry.weight_shape());
  check_gradient(operation, "grad_x", stream, grad_x, geometry.x_shape(), mode);
  choose<Conv2dBackwardData>(operation, stream,
                             {reference::conv2d_backward_data, cpu::conv2d_backward_data,
                              LQNET_CUDA_KERNEL(cuda::conv2d_backward_data)})(
      stream, geometry, grad_y, weight, grad_x, mode);
}

void conv2d_backward_weights(Stream& stream, const Conv2dGeometry& geometry,
                             ConstView<float> grad_y, ConstView<float> x, View<float> grad_weight,
                             GradientMode mode) {
  constexpr std::string_view operation = "conv2d_backward_weights";
  check_view(operation, "grad_y", stream, grad_y, geometry.y_shape());
  check_view(operation, "x", stream, x, geometry.x_shape());
  check_gradient(operation, "grad_weight", stream, grad_weight, geometry.weight_shape(), mode);
  choose<Conv2dBackwardWeights>(operation, stream,
                                {reference::conv2d_backward_weights, cpu::conv2d_backward_weights,
                                 LQNET_CUDA_KERNEL(cuda::conv2d_backward_weights)})(
      stream, geometry, grad_y, x, grad_weight, mode);
}

void conv2d_backward_bias(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                          View<float> grad_bias, GradientMode mode) {
  constexpr std::string_view operation = "conv2d_backward_bias";
  check_view(operation, "grad_y", stream, grad_y, geometry.y_shape());
  check_gradient(operation, "grad_bias", stream, grad_bias, geometry.bias_shape(), mode);
  choose<Conv2dBackwardBias>(operation, stream,
                             {reference::conv2d_backward_bias, cpu::conv2d_backward_bias,
                              LQNET_CUDA_KERNEL(cuda::conv2d_backward_bias)})(
      stream, geometry, grad_y, grad_bias, mode);
}

}  // namespace lq::kernels
