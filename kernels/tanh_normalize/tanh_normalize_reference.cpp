#include <cmath>
#include <limits>

#include "kernels/tanh_normalize/tanh_normalize.h"

namespace lq::kernels::reference {

namespace {

/// Index of the first NaN, or else of the first value of largest magnitude; 0 for an empty view.
template <typename T>
std::int64_t largest(ConstView<T> values) {
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < values.elements(); ++i) {
    if (std::isnan(values[i])) return i;
    if (std::abs(values[i]) > std::abs(values[at])) at = i;
  }
  return at;
}

}  // namespace

template <typename T>
void tanh_normalize_forward_loops(ConstView<T> x, View<T> squashed, View<T> y) {
  if (x.elements() == 0) return;
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    squashed[i] = std::isfinite(x[i]) ? std::tanh(x[i]) : std::numeric_limits<T>::quiet_NaN();
  }
  const T maximum = std::abs(squashed[largest(ConstView<T>(squashed))]);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    y[i] = maximum == 0 ? T{0} : squashed[i] / maximum;
  }
}

template <typename T>
void tanh_normalize_backward_loops(ConstView<T> grad_y, ConstView<T> squashed, View<T> grad_x,
                                   GradientMode mode) {
  if (mode == GradientMode::ignore || squashed.elements() == 0) return;
  const std::int64_t top = largest(squashed);
  const T maximum = std::abs(squashed[top]);
  const T scale = maximum == 0 ? T{0} : 1 / maximum;
  double through_maximum = 0;  // d loss / d maximum
  for (std::int64_t i = 0; i < squashed.elements(); ++i) {
    through_maximum -= static_cast<double>(grad_y[i] * squashed[i] * scale * scale);
  }
  for (std::int64_t i = 0; i < squashed.elements(); ++i) {
    const T value = squashed[i];
    T gradient = grad_y[i] * scale;
    if (i == top) gradient += static_cast<T>(through_maximum) * (value < 0 ? T{-1} : T{1});
    gradient *= 1 - value * value;
    grad_x[i] = mode == GradientMode::accumulate ? grad_x[i] + gradient : gradient;
  }
}

template void tanh_normalize_forward_loops<float>(ConstView<float>, View<float>, View<float>);
template void tanh_normalize_forward_loops<double>(ConstView<double>, View<double>, View<double>);
template void tanh_normalize_backward_loops<float>(ConstView<float>, ConstView<float>, View<float>,
                                                   GradientMode);
template void tanh_normalize_backward_loops<double>(ConstView<double>, ConstView<double>,
                                                    View<double>, GradientMode);

void tanh_normalize_forward(Stream&, ConstView<float> x, View<float> squashed, View<float> y) {
  tanh_normalize_forward_loops<float>(x, squashed, y);
}

void tanh_normalize_backward(Stream&, ConstView<float> grad_y, ConstView<float> squashed,
                             View<float> grad_x, GradientMode mode) {
  tanh_normalize_backward_loops<float>(grad_y, squashed, grad_x, mode);
}

}  // namespace lq::kernels::reference
