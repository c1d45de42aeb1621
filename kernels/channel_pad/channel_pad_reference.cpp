#include "kernels/channel_pad/channel_pad.h"

namespace lq::kernels::reference {

template <typename T>
void channel_pad_forward_loops(ConstView<T> x, View<T> y, const ChannelPadOptions& options) {
  const std::int64_t x_channels = x.shape[-1];
  const std::int64_t y_channels = y.shape[-1];
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    const std::int64_t pixel = i / y_channels;
    const std::int64_t channel = i % y_channels - options.before;
    const bool inside = channel >= 0 && channel < x_channels;
    y[i] = inside ? x[pixel * x_channels + channel] : T{0};
  }
}

template <typename T>
void channel_pad_backward_loops(ConstView<T> grad_y, View<T> grad_x,
                                const ChannelPadOptions& options, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t x_channels = grad_x.shape[-1];
  for (std::int64_t i = 0; i < grad_x.elements(); ++i) {
    const std::int64_t pixel = i / x_channels;
    const std::int64_t channel = i % x_channels + options.before;
    const T gradient = grad_y[pixel * grad_y.shape[-1] + channel];
    grad_x[i] = mode == GradientMode::accumulate ? grad_x[i] + gradient : gradient;
  }
}

template void channel_pad_forward_loops<float>(ConstView<float>, View<float>,
                                               const ChannelPadOptions&);
template void channel_pad_forward_loops<double>(ConstView<double>, View<double>,
                                                const ChannelPadOptions&);
template void channel_pad_backward_loops<float>(ConstView<float>, View<float>,
                                                const ChannelPadOptions&, GradientMode);
template void channel_pad_backward_loops<double>(ConstView<double>, View<double>,
                                                 const ChannelPadOptions&, GradientMode);

void channel_pad_forward(Stream&, ConstView<float> x, View<float> y,
                         const ChannelPadOptions& options) {
  channel_pad_forward_loops<float>(x, y, options);
}

void channel_pad_backward(Stream&, ConstView<float> grad_y, View<float> grad_x,
                          const ChannelPadOptions& options, GradientMode mode) {
  channel_pad_backward_loops<float>(grad_y, grad_x, options, mode);
}

}  // namespace lq::kernels::reference
