#include <cmath>

#include "kernels/pool/pool.h"

namespace lq::kernels::reference {

namespace {

std::int64_t index_of(const Shape& shape, std::int64_t n, std::int64_t h, std::int64_t w,
                      std::int64_t c) {
  return ((n * shape[1] + h) * shape[2] + w) * shape[3] + c;
}

/// Visits every element of the output: visit(n, oh, ow, c).
template <typename Visit>
void for_each_element(const Shape& y, Visit&& visit) {
  for (std::int64_t n = 0; n < y[0]; ++n)
    for (std::int64_t oh = 0; oh < y[1]; ++oh)
      for (std::int64_t ow = 0; ow < y[2]; ++ow)
        for (std::int64_t c = 0; c < y[3]; ++c) visit(n, oh, ow, c);
}

/// Visits the pixels of a window that lie on the map: visit(h, w, place in the window).
template <typename Visit>
void for_each_pixel(const Shape& x, const PoolOptions& options, const PoolGeometry& geometry,
                    std::int64_t oh, std::int64_t ow, Visit&& visit) {
  for (std::int64_t row = 0; row < options.kernel; ++row)
    for (std::int64_t column = 0; column < options.kernel; ++column) {
      const std::int64_t h = oh * options.stride - geometry.height.before + row;
      const std::int64_t w = ow * options.stride - geometry.width.before + column;
      if (h >= 0 && h < x[1] && w >= 0 && w < x[2]) visit(h, w, row * options.kernel + column);
    }
}

std::int64_t pixels_in_window(const Shape& x, const PoolOptions& options,
                              const PoolGeometry& geometry, std::int64_t oh, std::int64_t ow) {
  std::int64_t pixels = 0;
  for_each_pixel(x, options, geometry, oh, ow, [&](auto, auto, auto) { ++pixels; });
  return pixels;
}

template <typename T>
void zero_unless_accumulating(View<T> gradient, GradientMode mode) {
  if (mode == GradientMode::accumulate) return;
  for (T& value : gradient) value = T{0};
}

}  // namespace

template <typename T>
void max_pool_forward_loops(ConstView<T> x, View<T> y, View<std::uint8_t> argmax,
                            const PoolOptions& options) {
  const PoolGeometry geometry = resolve_pool("pool", x.shape, options);
  for_each_element(y.shape, [&](auto n, auto oh, auto ow, auto c) {
    std::int64_t winner = -1;
    T best{0};
    for_each_pixel(x.shape, options, geometry, oh, ow, [&](auto h, auto w, auto place) {
      const T value = x[index_of(x.shape, n, h, w, c)];
      const bool first_nan = std::isnan(value) && !std::isnan(best);
      if (winner < 0 || value > best || first_nan) {
        winner = place;
        best = value;
      }
    });
    const std::int64_t i = index_of(y.shape, n, oh, ow, c);
    y[i] = best;
    if (argmax) argmax[i] = static_cast<std::uint8_t>(winner);
  });
}

template <typename T>
void max_pool_backward_loops(ConstView<T> grad_y, ConstView<std::uint8_t> argmax, View<T> grad_x,
                             const PoolOptions& options, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  zero_unless_accumulating(grad_x, mode);
  const PoolGeometry geometry = resolve_pool("pool", grad_x.shape, options);
  for_each_element(grad_y.shape, [&](auto n, auto oh, auto ow, auto c) {
    const std::int64_t i = index_of(grad_y.shape, n, oh, ow, c);
    for_each_pixel(grad_x.shape, options, geometry, oh, ow, [&](auto h, auto w, auto place) {
      if (place == argmax[i]) grad_x[index_of(grad_x.shape, n, h, w, c)] += grad_y[i];
    });
  });
}

template <typename T>
void average_pool_forward_loops(ConstView<T> x, View<T> y, const PoolOptions& options) {
  const PoolGeometry geometry = resolve_pool("pool", x.shape, options);
  for_each_element(y.shape, [&](auto n, auto oh, auto ow, auto c) {
    T sum{0};
    for_each_pixel(x.shape, options, geometry, oh, ow,
                   [&](auto h, auto w, auto) { sum += x[index_of(x.shape, n, h, w, c)]; });
    y[index_of(y.shape, n, oh, ow, c)] =
        sum / static_cast<T>(pixels_in_window(x.shape, options, geometry, oh, ow));
  });
}

template <typename T>
void average_pool_backward_loops(ConstView<T> grad_y, View<T> grad_x, const PoolOptions& options,
                                 GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  zero_unless_accumulating(grad_x, mode);
  const PoolGeometry geometry = resolve_pool("pool", grad_x.shape, options);
  for_each_element(grad_y.shape, [&](auto n, auto oh, auto ow, auto c) {
    const T share = grad_y[index_of(grad_y.shape, n, oh, ow, c)] /
                    static_cast<T>(pixels_in_window(grad_x.shape, options, geometry, oh, ow));
    for_each_pixel(grad_x.shape, options, geometry, oh, ow, [&](auto h, auto w, auto) {
      grad_x[index_of(grad_x.shape, n, h, w, c)] += share;
    });
  });
}

template <typename T>
void global_average_pool_forward_loops(ConstView<T> x, View<T> y) {
  for (std::int64_t n = 0; n < x.shape[0]; ++n)
    for (std::int64_t c = 0; c < x.shape[3]; ++c) {
      double sum = 0.0;
      for (std::int64_t h = 0; h < x.shape[1]; ++h)
        for (std::int64_t w = 0; w < x.shape[2]; ++w)
          sum += static_cast<double>(x[index_of(x.shape, n, h, w, c)]);
      y[n * x.shape[3] + c] = static_cast<T>(sum / static_cast<double>(x.shape[1] * x.shape[2]));
    }
}

template <typename T>
void global_average_pool_backward_loops(ConstView<T> grad_y, View<T> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  zero_unless_accumulating(grad_x, mode);
  const Shape& x = grad_x.shape;
  for_each_element(x, [&](auto n, auto h, auto w, auto c) {
    grad_x[index_of(x, n, h, w, c)] += grad_y[n * x[3] + c] / static_cast<T>(x[1] * x[2]);
  });
}

template void max_pool_forward_loops<float>(ConstView<float>, View<float>, View<std::uint8_t>,
                                            const PoolOptions&);
template void max_pool_forward_loops<double>(ConstView<double>, View<double>, View<std::uint8_t>,
                                             const PoolOptions&);
template void max_pool_backward_loops<float>(ConstView<float>, ConstView<std::uint8_t>, View<float>,
                                             const PoolOptions&, GradientMode);
template void max_pool_backward_loops<double>(ConstView<double>, ConstView<std::uint8_t>,
                                              View<double>, const PoolOptions&, GradientMode);
template void average_pool_forward_loops<float>(ConstView<float>, View<float>, const PoolOptions&);
template void average_pool_forward_loops<double>(ConstView<double>, View<double>,
                                                 const PoolOptions&);
template void average_pool_backward_loops<float>(ConstView<float>, View<float>, const PoolOptions&,
                                                 GradientMode);
template void average_pool_backward_loops<double>(ConstView<double>, View<double>,
                                                  const PoolOptions&, GradientMode);
template void global_average_pool_forward_loops<float>(ConstView<float>, View<float>);
template void global_average_pool_forward_loops<double>(ConstView<double>, View<double>);
template void global_average_pool_backward_loops<float>(ConstView<float>, View<float>,
                                                        GradientMode);
template void global_average_pool_backward_loops<double>(ConstView<double>, View<double>,
                                                         GradientMode);

void max_pool_forward(Stream&, ConstView<float> x, View<float> y, View<std::uint8_t> argmax,
                      const PoolOptions& options) {
  max_pool_forward_loops<float>(x, y, argmax, options);
}

void max_pool_backward(Stream&, ConstView<float> grad_y, ConstView<std::uint8_t> argmax,
                       View<float> grad_x, const PoolOptions& options, GradientMode mode) {
  max_pool_backward_loops<float>(grad_y, argmax, grad_x, options, mode);
}

void average_pool_forward(Stream&, ConstView<float> x, View<float> y, const PoolOptions& options) {
  average_pool_forward_loops<float>(x, y, options);
}

void average_pool_backward(Stream&, ConstView<float> grad_y, View<float> grad_x,
                           const PoolOptions& options, GradientMode mode) {
  average_pool_backward_loops<float>(grad_y, grad_x, options, mode);
}

void global_average_pool_forward(Stream&, ConstView<float> x, View<float> y) {
  global_average_pool_forward_loops<float>(x, y);
}

void global_average_pool_backward(Stream&, ConstView<float> grad_y, View<float> grad_x,
                                  GradientMode mode) {
  global_average_pool_backward_loops<float>(grad_y, grad_x, mode);
}

}  // namespace lq::kernels::reference
