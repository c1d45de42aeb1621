#include "kernels/relu/relu.h"

namespace lq::kernels::reference {

template <typename T>
void relu_forward_loops(ConstView<T> x, View<T> y) {
  for (std::int64_t i = 0; i < x.elements(); ++i) y[i] = x[i] <= 0 ? T{0} : x[i];
}

template <typename T>
void relu_backward_loops(ConstView<T> grad_y, ConstView<T> y, View<T> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    const T gradient = y[i] > 0 ? grad_y[i] : T{0};
    grad_x[i] = mode == GradientMode::accumulate ? grad_x[i] + gradient : gradient;
  }
}

template void relu_forward_loops<float>(ConstView<float>, View<float>);
template void relu_forward_loops<double>(ConstView<double>, View<double>);
template void relu_backward_loops<float>(ConstView<float>, ConstView<float>, View<float>,
                                         GradientMode);
template void relu_backward_loops<double>(ConstView<double>, ConstView<double>, View<double>,
                                          GradientMode);

void relu_forward(Stream&, ConstView<float> x, View<float> y) { relu_forward_loops<float>(x, y); }

void relu_backward(Stream&, ConstView<float> grad_y, ConstView<float> y, View<float> grad_x,
                   GradientMode mode) {
  relu_backward_loops<float>(grad_y, y, grad_x, mode);
}

}  // namespace lq::kernels::reference
