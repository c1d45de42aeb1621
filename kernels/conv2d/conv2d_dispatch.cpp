#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/conv2d/conv2d.h"

namespace lq::kernels {

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
