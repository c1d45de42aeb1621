#include "kernels/linear/linear.h"

namespace lq::kernels::reference {

template <typename T>
void linear_forward_loops(ConstView<T> x, ConstView<T> weight, ConstView<T> bias, View<T> y) {
  const std::int64_t batch = x.shape[0], inputs = weight.shape[1], outputs = weight.shape[0];
  for (std::int64_t n = 0; n < batch; ++n) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      double sum = bias ? bias[o] : 0.0;
      for (std::int64_t i = 0; i < inputs; ++i) {
        sum += static_cast<double>(x[n * inputs + i]) * weight[o * inputs + i];
      }
      y[n * outputs + o] = static_cast<T>(sum);
    }
  }
}

template <typename T>
void linear_backward_data_loops(ConstView<T> grad_y, ConstView<T> weight, View<T> grad_x,
                                GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t batch = grad_y.shape[0], inputs = weight.shape[1], outputs = weight.shape[0];
  for (std::int64_t n = 0; n < batch; ++n) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      double sum = mode == GradientMode::accumulate ? grad_x[n * inputs + i] : 0.0;
      for (std::int64_t o = 0; o < outputs; ++o) {
        sum += static_cast<double>(grad_y[n * outputs + o]) * weight[o * inputs + i];
      }
      grad_x[n * inputs + i] = static_cast<T>(sum);
    }
  }
}

template <typename T>
void linear_backward_weights_loops(ConstView<T> grad_y, ConstView<T> x, View<T> grad_weight,
                                   GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t batch = x.shape[0], inputs = x.shape[1], outputs = grad_y.shape[1];
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      double sum = mode == GradientMode::accumulate ? grad_weight[o * inputs + i] : 0.0;
      for (std::int64_t n = 0; n < batch; ++n) {
        sum += static_cast<double>(grad_y[n * outputs + o]) * x[n * inputs + i];
      }
      grad_weight[o * inputs + i] = static_cast<T>(sum);
    }
  }
}

template <typename T>
void linear_backward_bias_loops(ConstView<T> grad_y, View<T> grad_bias, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t batch = grad_y.shape[0], outputs = grad_y.shape[1];
  for (std::int64_t o = 0; o < outputs; ++o) {
    double sum = mode == GradientMode::accumulate ? grad_bias[o] : 0.0;
    for (std::int64_t n = 0; n < batch; ++n) sum += grad_y[n * outputs + o];
    grad_bias[o] = static_cast<T>(sum);
  }
}

template void linear_forward_loops<float>(ConstView<float>, ConstView<float>, ConstView<float>,
                                          View<float>);
template void linear_forward_loops<double>(ConstView<double>, ConstView<double>, ConstView<double>,
                                           View<double>);
template void linear_backward_data_loops<float>(ConstView<float>, ConstView<float>, View<float>,
                                                GradientMode);
template void linear_backward_data_loops<double>(ConstView<double>, ConstView<double>, View<double>,
                                                 GradientMode);
template void linear_backward_weights_loops<float>(ConstView<float>, ConstView<float>, View<float>,
                                                   GradientMode);
template void linear_backward_weights_loops<double>(ConstView<double>, ConstView<double>,
                                                    View<double>, GradientMode);
template void linear_backward_bias_loops<float>(ConstView<float>, View<float>, GradientMode);
template void linear_backward_bias_loops<double>(ConstView<double>, View<double>, GradientMode);

void linear_forward(Stream&, ConstView<float> x, ConstView<float> weight, ConstView<float> bias,
                    View<float> y) {
  linear_forward_loops<float>(x, weight, bias, y);
}

void linear_backward_data(Stream&, ConstView<float> grad_y, ConstView<float> weight,
                          View<float> grad_x, GradientMode mode) {
  linear_backward_data_loops<float>(grad_y, weight, grad_x, mode);
}

void linear_backward_weights(Stream&, ConstView<float> grad_y, ConstView<float> x,
                             View<float> grad_weight, GradientMode mode) {
  linear_backward_weights_loops<float>(grad_y, x, grad_weight, mode);
}

void linear_backward_bias(Stream&, ConstView<float> grad_y, View<float> grad_bias,
                          GradientMode mode) {
  linear_backward_bias_loops<float>(grad_y, grad_bias, mode);
}

}  // namespace lq::kernels::reference
