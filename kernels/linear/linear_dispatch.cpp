#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/linear/linear.h"

namespace lq::kernels {

namespace {

/// Throws Error unless this is a matrix with at least one element.
template <typename T>
void check_matrix(std::string_view operation, std::string_view argument, const View<T>& matrix) {
  check(matrix.shape.rank() == 2 && matrix.elements() > 0,
        "{}: {} is {}, expected two extents, none of them 0", operation, argument, matrix.shape);
}

}  // namespace

void linear_forward(Stream& stream, ConstView<float> x, ConstView<float> weight,
                    ConstView<float> bias, View<float> y) {
  constexpr std::string_view operation = "linear_forward";
  check_matrix(operation, "x", x);
  check_matrix(operation, "weight", weight);
  const std::int64_t outputs = weight.shape[0];
  check_view(operation, "x", stream, x, {x.shape[0], weight.shape[1]});
  check_view(operation, "weight", stream, weight, weight.shape);
  if (bias) check_view(operation, "bias", stream, bias, {outputs});
  check_view(operation, "y", stream, y, {x.shape[0], outputs});
  choose<LinearForward>(operation, stream,
                        {reference::linear_forward, cpu::linear_forward,
                         LQNET_CUDA_KERNEL(cuda::linear_forward)})(stream, x, weight, bias, y);
}

void linear_backward_data(Stream& stream, ConstView<float> grad_y, ConstView<float> weight,
                          View<float> grad_x, GradientMode mode) {
  constexpr std::string_view operation = "linear_backward_data";
  check_matrix(operation, "grad_y", grad_y);
  check_matrix(operation, "weight", weight);
  const std::int64_t batch = grad_y.shape[0];
  check_view(operation, "grad_y", stream, grad_y, {batch, weight.shape[0]});
  check_view(operation, "weight", stream, weight, weight.shape);
  check_gradient(operation, "grad_x", stream, grad_x, {batch, weight.shape[1]}, mode);
  choose<LinearBackwardData>(operation, stream,
                             {reference::linear_backward_data, cpu::linear_backward_data,
                              LQNET_CUDA_KERNEL(cuda::linear_backward_data)})(stream, grad_y,
                                                                              weight, grad_x, mode);
}

void linear_backward_weights(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                             View<float> grad_weight, GradientMode mode) {
  constexpr std::string_view operation = "linear_backward_weights";
  check_matrix(operation, "grad_y", grad_y);
  check_matrix(operation, "x", x);
  check_view(operation, "grad_y", stream, grad_y, {x.shape[0], grad_y.shape[1]});
  check_view(operation, "x", stream, x, x.shape);
  check_gradient(operation, "grad_weight", stream, grad_weight, {grad_y.shape[1], x.shape[1]},
                 mode);
  choose<LinearBackwardWeights>(operation, stream,
                                {reference::linear_backward_weights, cpu::linear_backward_weights,
                                 LQNET_CUDA_KERNEL(cuda::linear_backward_weights)})(
      stream, grad_y, x, grad_weight, mode);
}

void linear_backward_bias(Stream& stream, ConstView<float> grad_y, View<float> grad_bias,
                          GradientMode mode) {
  constexpr std::string_view operation = "linear_backward_bias";
  check_matrix(operation, "grad_y", grad_y);
  check_view(operation, "grad_y", stream, grad_y, grad_y.shape);
  check_gradient(operation, "grad_bias", stream, grad_bias, {grad_y.shape[1]}, mode);
  choose<LinearBackwardBias>(operation, stream,
                             {reference::linear_backward_bias, cpu::linear_backward_bias,
                              LQNET_CUDA_KERNEL(cuda::linear_backward_bias)})(stream, grad_y,
                                                                              grad_bias, mode);
}

}  // namespace lq::kernels
