#include "kernels/common/cuda/float_convolution.h"
#include "kernels/linear/linear_library.h"

namespace lq::kernels::cuda {

namespace {

/// Null where own kernels are taken.
const LinearLibrary* chosen_library() { return choose_library(linear_variable, linear_library); }

}  // namespace

std::string linear_implementation() { return describe_choice(linear_variable, linear_library); }

void linear_forward(Stream& stream, ConstView<float> x, ConstView<float> weight,
                    ConstView<float> bias, View<float> y) {
  if (const LinearLibrary* const library = chosen_library()) {
    library->forward(stream, x, weight, bias, y);
    return;
  }
  const auto geometry = linear_geometry(x.shape[0], weight.shape[1], weight.shape[0]);
  float_convolution_forward("linear_forward", stream, geometry, x.data, weight.data, bias.data,
                            y.data);
}

void linear_backward_data(Stream& stream, ConstView<float> grad_y, ConstView<float> weight,
                          View<float> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  if (const LinearLibrary* const library = chosen_library()) {
    library->backward_data(stream, grad_y, weight, grad_x, mode);
    return;
  }
  const auto geometry = linear_geometry(grad_y.shape[0], weight.shape[1], weight.shape[0]);
  float_convolution_backward_data("linear_backward_data", stream, geometry, grad_y.data,
                                  weight.data, grad_x.data, mode);
}

void linear_backward_weights(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                             View<float> grad_weight, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  if (const LinearLibrary* const library = chosen_library()) {
    library->backward_weights(stream, grad_y, x, grad_weight, mode);
    return;
  }
  const auto geometry = linear_geometry(x.shape[0], x.shape[1], grad_y.shape[1]);
  float_convolution_backward_weights("linear_backward_weights", stream, geometry, grad_y.data,
                                     x.data, grad_weight.data, mode);
}

void linear_backward_bias(Stream& stream, ConstView<float> grad_y, View<float> grad_bias,
                          GradientMode mode) {
  sum_over_pixels("linear_backward_bias", stream, grad_y.data, grad_y.shape[0], grad_y.shape[1],
                  grad_bias.data, mode);
}

}  // namespace lq::kernels::cuda
