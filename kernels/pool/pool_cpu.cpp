#include <algorithm>
#include <iterator>
#include <vector>

#include "core/threads.h"
#include "kernels/common/isa_variants.h"
#include "kernels/pool/pool.h"
#include "kernels/pool/pool_isa.h"

namespace lq::kernels::cpu {

namespace {

/// Runs body(n, h, w) for all pixels of an N x H x W x C map, in parallel over chunks of rows of
/// about 128 KiB. No two threads get the same pixel.
template <typename Body>
void for_each_pixel(const Shape& map, Body&& body) {
  constexpr std::int64_t grain = 1 << 15;
  const std::int64_t row_elements = std::max<std::int64_t>(map[2] * map[3], 1);
  const std::int64_t rows_per_chunk = std::max<std::int64_t>(grain / row_elements, 1);
  parallel_for_ranges(map[0] * map[1], rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t n = row / map[1];
      const std::int64_t h = row % map[1];
      for (std::int64_t w = 0; w < map[2]; ++w) body(n, h, w);
    }
  });
}

/// A half-open range of indices.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
};

/// Pooling windows along one axis of the map. Tabulated, because the divisions that it would take
/// to find them cost more than pooling a pixel of few channels.
struct Windows {
  std::vector<std::int64_t> starts;  // of each window; negative when in the padding
  std::vector<Range> positions;      // of each window: the part that lies on the map
  std::vector<Range> covering;       // of each position on the map: the windows that cover it

  Windows(const PoolOptions& options, const AxisPadding& padding, std::int64_t in) : covering(in) {
    for (std::int64_t window = 0; window < padding.out; ++window) {
      const std::int64_t start = window * options.stride - padding.before;
      starts.push_back(start);
      positions.push_back({std::max<std::int64_t>(start, 0), std::min(start + options.kernel, in)});
      for (std::int64_t i = positions.back().begin; i < positions.back().end; ++i) {
        if (covering[i].size() == 0) covering[i].begin = window;
        covering[i].end = window + 1;
      }
    }
  }

  std::int64_t in() const { return std::ssize(covering); }
  std::int64_t out() const { return std::ssize(positions); }
};

/// The windows of a map along both axes.
struct Plane {
  Windows vertical;
  Windows horizontal;
  std::int64_t kernel;
  std::int64_t channels;

  Plane(const Shape& x, const PoolOptions& options)
      : Plane(x, options, resolve_pool("pool", x, options)) {}
  Plane(const Shape& x, const PoolOptions& options, const PoolGeometry& geometry)
      : vertical(options, geometry.height, x[1]),
        horizontal(options, geometry.width, x[2]),
        kernel(options.kernel),
        channels(x[3]) {}

  /// Index of the first channel of a pixel.
  std::int64_t input(std::int64_t n, std::int64_t h, std::int64_t w) const {
    return ((n * vertical.in() + h) * horizontal.in() + w) * channels;
  }
  std::int64_t output(std::int64_t n, std::int64_t oh, std::int64_t ow) const {
    return ((n * vertical.out() + oh) * horizontal.out() + ow) * channels;
  }
  /// Index of a pixel in a window.
  std::int32_t place(std::int64_t oh, std::int64_t ow, std::int64_t h, std::int64_t w) const {
    return static_cast<std::int32_t>((h - vertical.starts[oh]) * kernel + w -
                                     horizontal.starts[ow]);
  }
};

const PoolKernels& pool_kernels() {
  return choose_isa<PoolKernels>(LQNET_VECTOR_ISAS(pool_kernels));
}

}  // namespace

void max_pool_forward(Stream&, ConstView<float> x, View<float> y, View<std::uint8_t> argmax,
                      const PoolOptions& options) {
  const PoolKernels& kernels = pool_kernels();
  const Plane plane(x.shape, options);
  for_each_pixel(y.shape, [&](std::int64_t n, std::int64_t oh, std::int64_t ow) {
    const Range rows = plane.vertical.positions[oh];
    const Range columns = plane.horizontal.positions[ow];
    const std::int64_t output = plane.output(n, oh, ow);
    kernels.max({.rows = rows.size(),
                 .columns = columns.size(),
                 .row_stride = plane.horizontal.in() * plane.channels,
                 .channels = plane.channels,
                 .first_place = plane.place(oh, ow, rows.begin, columns.begin),
                 .place_per_row = static_cast<std::int32_t>(plane.kernel),
                 .place_per_column = 1},
                x.data + plane.input(n, rows.begin, columns.begin), y.data + output,
                argmax ? argmax.data + output : nullptr);
  });
}

void max_pool_backward(Stream&, ConstView<float> grad_y, ConstView<std::uint8_t> argmax,
                       View<float> grad_x, const PoolOptions& options, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const PoolKernels& kernels = pool_kernels();
  const Plane plane(grad_x.shape, options);
  const auto stride = static_cast<std::int32_t>(options.stride);
  const auto kernel = static_cast<std::int32_t>(options.kernel);
  for_each_pixel(grad_x.shape, [&](std::int64_t n, std::int64_t h, std::int64_t w) {
    const Range rows = plane.vertical.covering[h];
    const Range columns = plane.horizontal.covering[w];
    const std::int64_t output = plane.output(n, rows.begin, columns.begin);
    float* const sum = grad_x.data + plane.input(n, h, w);
    kernels.sum_of_won({.rows = rows.size(),
                        .columns = columns.size(),
                        .row_stride = plane.horizontal.out() * plane.channels,
                        .channels = plane.channels,
                        .first_place = plane.place(rows.begin, columns.begin, h, w),
                        .place_per_row = -stride * kernel,
                        .place_per_column = -stride},
                       grad_y.data + output, argmax.data + output,
                       mode == GradientMode::accumulate ? sum : nullptr, sum);
  });
}

void average_pool_forward(Stream&, ConstView<float> x, View<float> y, const PoolOptions& options) {
  const Plane plane(x.shape, options);
  const std::int64_t channels = plane.channels;
  for_each_pixel(y.shape, [&](std::int64_t n, std::int64_t oh, std::int64_t ow) {
    const Range rows = plane.vertical.positions[oh];
    const Range columns = plane.horizontal.positions[ow];
    float* __restrict const mean = y.data + plane.output(n, oh, ow);
    std::fill_n(mean, channels, 0.0F);
    for (std::int64_t h = rows.begin; h < rows.end; ++h) {
      for (std::int64_t w = columns.begin; w < columns.end; ++w) {
        const float* __restrict const pixel = x.data + plane.input(n, h, w);
        for (std::int64_t c = 0; c < channels; ++c) mean[c] += pixel[c];
      }
    }
    const auto pixels = static_cast<float>(rows.size() * columns.size());
    for (std::int64_t c = 0; c < channels; ++c) mean[c] /= pixels;
  });
}

void average_pool_backward(Stream&, ConstView<float> grad_y, View<float> grad_x,
                           const PoolOptions& options, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const Plane plane(grad_x.shape, options);
  const std::int64_t channels = plane.channels;
  for_each_pixel(grad_x.shape, [&](std::int64_t n, std::int64_t h, std::int64_t w) {
    const Range rows = plane.vertical.covering[h];
    const Range columns = plane.horizontal.covering[w];
    float* __restrict const sum = grad_x.data + plane.input(n, h, w);
    if (mode == GradientMode::overwrite) std::fill_n(sum, channels, 0.0F);
    for (std::int64_t oh = rows.begin; oh < rows.end; ++oh) {
      for (std::int64_t ow = columns.begin; ow < columns.end; ++ow) {
        const std::int64_t pixels =
            plane.vertical.positions[oh].size() * plane.horizontal.positions[ow].size();
        const float share = 1.0F / static_cast<float>(pixels);
        const float* __restrict const gradient = grad_y.data + plane.output(n, oh, ow);
        for (std::int64_t c = 0; c < channels; ++c) sum[c] += share * gradient[c];
      }
    }
  });
}

void global_average_pool_forward(Stream&, ConstView<float> x, View<float> y) {
  const std::int64_t pixels = x.shape[1] * x.shape[2];
  const std::int64_t channels = x.shape[3];
  parallel_for(x.shape[0], [&](std::int64_t n) {
    std::vector<double> sums(channels);
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      const float* const values = x.data + (n * pixels + pixel) * channels;
      for (std::int64_t c = 0; c < channels; ++c) sums[c] += static_cast<double>(values[c]);
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      y[n * channels + c] = static_cast<float>(sums[c] / static_cast<double>(pixels));
    }
  });
}

void global_average_pool_backward(Stream&, ConstView<float> grad_y, View<float> grad_x,
                                  GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const Shape& x = grad_x.shape;
  const std::int64_t channels = x[3];
  const float share = 1.0F / static_cast<float>(x[1] * x[2]);
  for_each_pixel(x, [&](std::int64_t n, std::int64_t h, std::int64_t w) {
    const float* __restrict const gradient = grad_y.data + n * channels;
    float* __restrict const out = grad_x.data + ((n * x[1] + h) * x[2] + w) * channels;
    if (mode == GradientMode::accumulate) {
      for (std::int64_t c = 0; c < channels; ++c) out[c] += share * gradient[c];
    } else {
      for (std::int64_t c = 0; c < channels; ++c) out[c] = share * gradient[c];
    }
  });
}

}  // namespace lq::kernels::cpu
