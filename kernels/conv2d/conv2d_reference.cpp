#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace lq::kernels::reference {

namespace {

/// Calls visit(x index, weight index, y index) for every product that the convolution sums, in
/// the order of y, then of the weight. Products with the zeros outside the map are left out.
template <typename Visit>
void for_each_product(const Conv2dGeometry& g, Visit&& visit) {
  const std::int64_t c_group = g.c_in / g.groups;
  const std::int64_t o_group = g.c_out / g.groups;
  for (std::int64_t n = 0; n < g.n; ++n)
    for (std::int64_t p = 0; p < g.out_h; ++p)
      for (std::int64_t q = 0; q < g.out_w; ++q)
        for (std::int64_t o = 0; o < g.c_out; ++o)
          for (std::int64_t r = 0; r < g.kernel_h; ++r)
            for (std::int64_t s = 0; s < g.kernel_w; ++s) {
              const std::int64_t row = p * g.stride_h + r - g.pad_top;
              const std::int64_t column = q * g.stride_w + s - g.pad_left;
              if (row < 0 || row >= g.h || column < 0 || column >= g.w) continue;
              const std::int64_t group = o / o_group;
              for (std::int64_t c = 0; c < c_group; ++c) {
                visit(((n * g.h + row) * g.w + column) * g.c_in + group * c_group + c,
                      ((o * g.kernel_h + r) * g.kernel_w + s) * c_group + c,
                      ((n * g.out_h + p) * g.out_w + q) * g.c_out + o);
              }
            }
}

/// Sums in double of something that has the shape of `result`.
template <typename T>
std::vector<double> start_sums(View<T> result, GradientMode mode) {
  std::vector<double> sums(static_cast<std::size_t>(result.elements()), 0.0);
  if (mode == GradientMode::accumulate) sums.assign(result.begin(), result.end());
  return sums;
}

template <typename T>
void store(const std::vector<double>& sums, View<T> result) {
  for (std::size_t i = 0; i < sums.size(); ++i) result.data[i] = static_cast<T>(sums[i]);
}

}  // namespace

template <typename T>
void conv2d_forward_loops(const Conv2dGeometry& geometry, ConstView<T> x, ConstView<T> weight,
                          ConstView<T> bias, View<T> y) {
  std::vector<double> sums = start_sums(y, GradientMode::overwrite);
  if (bias) {
    for (std::int64_t i = 0; i < y.elements(); ++i) sums[i] = bias[i % geometry.c_out];
  }
  for_each_product(geometry, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    sums[yi] += static_cast<double>(x[xi]) * weight[wi];
  });
  store(sums, y);
}

template <typename T>
void conv2d_backward_data_loops(const Conv2dGeometry& geometry, ConstView<T> grad_y,
                                ConstView<T> weight, View<T> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  std::vector<double> sums = start_sums(grad_x, mode);
  for_each_product(geometry, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    sums[xi] += static_cast<double>(grad_y[yi]) * weight[wi];
  });
  store(sums, grad_x);
}

template <typename T>
void conv2d_backward_weights_loops(const Conv2dGeometry& geometry, ConstView<T> grad_y,
                                   ConstView<T> x, View<T> grad_weight, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  std::vector<double> sums = start_sums(grad_weight, mode);
  for_each_product(geometry, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    sums[wi] += static_cast<double>(grad_y[yi]) * x[xi];
  });
  store(sums, grad_weight);
}

template <typename T>
void conv2d_backward_bias_loops(const Conv2dGeometry& geometry, ConstView<T> grad_y,
                                View<T> grad_bias, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  std::vector<double> sums = start_sums(grad_bias, mode);
  for (std::int64_t i = 0; i < grad_y.elements(); ++i) sums[i % geometry.c_out] += grad_y[i];
  store(sums, grad_bias);
}

template void conv2d_forward_loops<float>(const Conv2dGeometry&, ConstView<float>, ConstView<float>,
                                          ConstView<float>, View<float>);
template void conv2d_forward_loops<double>(const Conv2dGeometry&, ConstView<double>,
                                           ConstView<double>, ConstView<double>, View<double>);
template void conv2d_backward_data_loops<float>(const Conv2dGeometry&, ConstView<float>,
                                                ConstView<float>, View<float>, GradientMode);
template void conv2d_backward_data_loops<double>(const Conv2dGeometry&, ConstView<double>,
                                                 ConstView<double>, View<double>, GradientMode);
template void conv2d_backward_weights_loops<float>(const Conv2dGeometry&, ConstView<float>,
                                                   ConstView<float>, View<float>, GradientMode);
template void conv2d_backward_weights_loops<double>(const Conv2dGeometry&, ConstView<double>,
                                                    ConstView<double>, View<double>, GradientMode);
template void conv2d_backward_bias_loops<float>(const Conv2dGeometry&, ConstView<float>,
                                                View<float>, GradientMode);
template void conv2d_backward_bias_loops<double>(const Conv2dGeometry&, ConstView<double>,
                                                 View<double>, GradientMode);

void conv2d_forward(Stream&, const Conv2dGeometry& geometry, ConstView<float> x,
                    ConstView<float> weight, ConstView<float> bias, View<float> y) {
  conv2d_forward_loops<float>(geometry, x, weight, bias, y);
}

void conv2d_backward_data(Stream&, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                          ConstView<float> weight, View<float> grad_x, GradientMode mode) {
  conv2d_backward_data_loops<float>(geometry, grad_y, weight, grad_x, mode);
}

void conv2d_backward_weights(Stream&, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                             ConstView<float> x, View<float> grad_weight, GradientMode mode) {
  conv2d_backward_weights_loops<float>(geometry, grad_y, x, grad_weight, mode);
}

void conv2d_backward_bias(Stream&, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                          View<float> grad_bias, GradientMode mode) {
  conv2d_backward_bias_loops<float>(geometry, grad_y, grad_bias, mode);
}

}  // namespace lq::kernels::reference
