#include "kernels/common/cuda/convolution_products.h"
#include "kernels/linear/linear.h"

namespace lq::kernels::cuda {

namespace {

/// Maps of one pixel.
Conv2dGeometry geometry_of(std::int64_t batch, std::int64_t inputs, std::int64_t outputs) {
  return {.n = batch,
          .h = 1,
          .w = 1,
          .c_in = inputs,
          .c_out = outputs,
          .kernel_h = 1,
          .kernel_w = 1,
          .out_h = 1,
          .out_w = 1};
}

}  // namespace

void linear_forward(Stream& stream, ConstView<float> x, ConstView<float> weight,
                    ConstView<float> bias, View<float> y) {
  convolution_forward("linear_forward", stream,
                      geometry_of(x.shape[0], x.shape[1], weight.shape[0]), x.data, weight.data,
                      bias.data, y.data);
}

void linear_backward_data(Stream& stream, ConstView<float> grad_y, ConstView<float> weight,
                          View<float> grad_x, GradientMode mode) {
  convolution_backward_data("linear_backward_data", stream,
                            geometry_of(grad_y.shape[0], weight.shape[1], weight.shape[0]),
                            grad_y.data, weight.data, grad_x.data, mode);
}

void linear_backward_weights(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                             View<float> grad_weight, GradientMode mode) {
  convolution_backward_weights("linear_backward_weights", stream,
                               geometry_of(grad_y.shape[0], x.shape[1], grad_y.shape[1]),
                               grad_y.data, x.data, grad_weight.data, mode);
}

void linear_backward_bias(Stream& stream, ConstView<float> grad_y, View<float> grad_bias,
                          GradientMode mode) {
  bias_gradient("linear_backward_bias", stream, grad_y.shape[0], grad_y.shape[1], grad_y.data,
                grad_bias.data, mode);
}

}  // namespace lq::kernels::cuda
