#include <cmath>

#include "kernels/tanh_normalize/tanh_normalize.h"

namespace lq::kernels::reference {

namespace {

/// Index of the first value of largest magnitude; 0 for an empty view.
template <typename T>
std::int64_t largest(ConstView<T> x) {
  std::int64_t at = 0;
  for (std::int64_t i = 1; i < x.elements(); ++i) {
    if (std::abs(x[i]) > std::abs(x[at])) at = i;
  }
  return at;
}

}  // namespace

template <typename T>
void tanh_normalize_forward_loops(ConstView<T> x, View<T> y) {
  if (x.elements() == 0) return;
  const T maximum = std::tanh(std::abs(x[largest(x)]));
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    y[i] = maximum > 0 ? std::tanh(x[i]) / maximum : T{0};
  }
}

template <typename T>
void tanh_normalize_backward_loops(ConstView<T> grad_y, ConstView<T> x, View<T> grad_x,
                                   GradientMode mode) {
  if (mode == GradientMode::ignore || x.elements() == 0) return;
  const std::int64_t top = largest(x);
  const T maximum = std::tanh(std::abs(x[top]));
  const T scale = maximum > 0 ? 1 / maximum : T{0};
  double through_maximum = 0;  // d loss / d maximum
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    through_maximum -= static_cast<double>(grad_y[i] * std::tanh(x[i]) * scale * scale);
  }
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const T value = std::tanh(x[i]);
    T gradient = grad_y[i] * scale;
    if (i == top) gradient += static_cast<T>(through_maximum) * (x[i] < 0 ? T{-1} : T{1});
    gradient *= 1 - value * value;
    grad_x[i] = mode == GradientMode::accumulate ? grad_x[i] + gradient : gradient;
  }
}

template void tanh_normalize_forward_loops<float>(ConstView<float>, View<float>);
template void tanh_normalize_forward_loops<double>(ConstView<double>, View<double>);
template void tanh_normalize_backward_loops<float>(ConstView<float>, ConstView<float>, View<float>,
                                                   GradientMode);
template void tanh_normalize_backward_loops<double>(ConstView<double>, ConstView<double>,
                                                    View<double>, GradientMode);

void tanh_normalize_forward(Stream&, ConstView<float> x, View<float> y) {
  tanh_normalize_forward_loops<float>(x, y);
}

void tanh_normalize_backward(Stream&, ConstView<float> grad_y, ConstView<float> x,
                             View<float> grad_x, GradientMode mode) {
  tanh_normalize_backward_loops<float>(grad_y, x, grad_x, mode);
}

}  // namespace lq::kernels::reference
