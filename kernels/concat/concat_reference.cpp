#include "kernels/concat/concat.h"

namespace lq::kernels::reference {

template <typename T>
void concat_forward_loops(std::span<const ConstView<T>> inputs, View<T> y) {
  const std::int64_t y_channels = y.shape[-1];
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    const std::int64_t pixel = i / y_channels;
    std::int64_t channel = i % y_channels;
    std::size_t input = 0;
    while (channel >= inputs[input].shape[-1]) channel -= inputs[input++].shape[-1];
    y[i] = inputs[input][pixel * inputs[input].shape[-1] + channel];
  }
}

template <typename T>
void concat_backward_loops(ConstView<T> grad_y, std::int64_t first_channel, View<T> grad_x,
                           GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t x_channels = grad_x.shape[-1];
  for (std::int64_t i = 0; i < grad_x.elements(); ++i) {
    const std::int64_t pixel = i / x_channels;
    const std::int64_t channel = first_channel + i % x_channels;
    const T gradient = grad_y[pixel * grad_y.shape[-1] + channel];
    grad_x[i] = mode == GradientMode::accumulate ? grad_x[i] + gradient : gradient;
  }
}

template void concat_forward_loops<float>(std::span<const ConstView<float>>, View<float>);
template void concat_forward_loops<double>(std::span<const ConstView<double>>, View<double>);
template void concat_backward_loops<float>(ConstView<float>, std::int64_t, View<float>,
                                           GradientMode);
template void concat_backward_loops<double>(ConstView<double>, std::int64_t, View<double>,
                                            GradientMode);

void concat_forward(Stream&, std::span<const ConstView<float>> inputs, View<float> y) {
  concat_forward_loops<float>(inputs, y);
}

void concat_backward(Stream&, ConstView<float> grad_y, std::int64_t first_channel,
                     View<float> grad_x, GradientMode mode) {
  concat_backward_loops<float>(grad_y, first_channel, grad_x, mode);
}

}  // namespace lq::kernels::reference
