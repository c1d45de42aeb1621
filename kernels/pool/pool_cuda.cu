#include <cmath>

#include "kernels/common/cuda/for_each.h"
#include "kernels/common/cuda/gradient.h"
#include "kernels/pool/pool.h"

// All of them are gathers: a thread owns an element of what is written, channels fastest, and reads
// what belongs to it, so that no two add to the same number. Bound by memory.

namespace lq::kernels::cuda {

namespace {

struct Map {
  std::int64_t height, width, channels, out_height, out_width;
  std::int64_t kernel, stride, pad_top, pad_left;
};

Map map_of(std::string_view operation, const Shape& x, const PoolOptions& options) {
  const PoolGeometry geometry = resolve_pool(operation, x, options);
  return {x[1],
          x[2],
          x[3],
          geometry.height.out,
          geometry.width.out,
          options.kernel,
          options.stride,
          geometry.height.before,
          geometry.width.before};
}

struct Element {
  std::int64_t n, h, w, c;
};

__device__ Element element_of(std::int64_t i, std::int64_t height, std::int64_t width,
                              std::int64_t channels) {
  const std::int64_t pixel = i / channels;
  return {pixel / width / height, pixel / width % height, pixel % width, i % channels};
}

/// Calls body(element of the input, place in the window) for the pixels of a window on the map.
template <typename Body>
__device__ int for_each_pixel(const Map& map, const Element& out, Body&& body) {
  int pixels = 0;
  for (std::int64_t row = 0; row < map.kernel; ++row) {
    const std::int64_t h = out.h * map.stride - map.pad_top + row;
    if (h < 0 || h >= map.height) continue;
    for (std::int64_t column = 0; column < map.kernel; ++column) {
      const std::int64_t w = out.w * map.stride - map.pad_left + column;
      if (w < 0 || w >= map.width) continue;
      body(((out.n * map.height + h) * map.width + w) * map.channels + out.c,
           row * map.kernel + column);
      ++pixels;
    }
  }
  return pixels;
}

/// Calls body(element of the output, its place in the window) for the windows over a pixel, in the
/// order of the output.
template <typename Body>
__device__ void for_each_window(const Map& map, const Element& in, Body&& body) {
  const auto first = [&](std::int64_t at) {
    const std::int64_t before = at - map.kernel + 1;
    return before <= 0 ? std::int64_t{0} : (before + map.stride - 1) / map.stride;
  };
  const std::int64_t y = in.h + map.pad_top;
  const std::int64_t x = in.w + map.pad_left;
  for (std::int64_t p = first(y); p <= y / map.stride && p < map.out_height; ++p) {
    for (std::int64_t q = first(x); q <= x / map.stride && q < map.out_width; ++q) {
      const std::int64_t place = (y - p * map.stride) * map.kernel + x - q * map.stride;
      body(Element{in.n, p, q, in.c},
           ((in.n * map.out_height + p) * map.out_width + q) * map.channels + in.c, place);
    }
  }
}

struct MaxForward {
  Map map;
  const float* x;
  float* y;
  std::uint8_t* argmax;  // null where it is not wanted

  __device__ void operator()(std::int64_t i) const {
    float best = 0;
    std::int64_t winner = -1;
    for_each_pixel(map, element_of(i, map.out_height, map.out_width, map.channels),
                   [&](std::int64_t at, std::int64_t place) {
                     const float value = x[at];
                     const bool is_first_nan = isnan(value) && !isnan(best);
                     if (winner < 0 || value > best || is_first_nan) {
                       winner = place;
                       best = value;
                     }
                   });
    y[i] = best;
    if (argmax != nullptr) argmax[i] = static_cast<std::uint8_t>(winner);
  }
};

struct MaxBackward {
  Map map;
  const float* grad_y;
  const std::uint8_t* argmax;
  float* grad_x;
  GradientMode mode;

  __device__ void operator()(std::int64_t i) const {
    float sum = mode == GradientMode::accumulate ? grad_x[i] : 0.0F;
    for_each_window(map, element_of(i, map.height, map.width, map.channels),
                    [&](const Element&, std::int64_t at, std::int64_t place) {
                      if (argmax[at] == place) sum += grad_y[at];
                    });
    grad_x[i] = sum;
  }
};

struct AverageForward {
  Map map;
  const float* x;
  float* y;

  __device__ void operator()(std::int64_t i) const {
    float sum = 0;
    const int pixels =
        for_each_pixel(map, element_of(i, map.out_height, map.out_width, map.channels),
                       [&](std::int64_t at, std::int64_t) { sum += x[at]; });
    y[i] = sum / static_cast<float>(pixels);
  }
};

struct AverageBackward {
  Map map;
  const float* grad_y;
  float* grad_x;
  GradientMode mode;

  __device__ void operator()(std::int64_t i) const {
    float sum = mode == GradientMode::accumulate ? grad_x[i] : 0.0F;
    for_each_window(map, element_of(i, map.height, map.width, map.channels),
                    [&](const Element& window, std::int64_t at, std::int64_t) {
                      const int pixels =
                          for_each_pixel(map, window, [](std::int64_t, std::int64_t) {});
                      sum += grad_y[at] / static_cast<float>(pixels);
                    });
    grad_x[i] = sum;
  }
};

/// Sums in double, pixel by pixel.
struct GlobalForward {
  std::int64_t pixels, channels;
  const float* x;
  float* y;

  __device__ void operator()(std::int64_t i) const {
    const float* const first = x + i / channels * pixels * channels + i % channels;
    double sum = 0;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      sum += static_cast<double>(first[pixel * channels]);
    }
    y[i] = static_cast<float>(sum / static_cast<double>(pixels));
  }
};

struct GlobalBackward {
  std::int64_t pixels, channels;
  const float* grad_y;
  float* grad_x;
  GradientMode mode;

  __device__ void operator()(std::int64_t i) const {
    const float share =
        grad_y[i / channels / pixels * channels + i % channels] / static_cast<float>(pixels);
    deliver_gradient(grad_x[i], share, mode);
  }
};

}  // namespace

void max_pool_forward(Stream& stream, ConstView<float> x, View<float> y, View<std::uint8_t> argmax,
                      const PoolOptions& options) {
  constexpr std::string_view operation = "max_pool_forward";
  for_each(operation, stream, y.elements(),
           MaxForward{map_of(operation, x.shape, options), x.data, y.data, argmax.data});
}

void max_pool_backward(Stream& stream, ConstView<float> grad_y, ConstView<std::uint8_t> argmax,
                       View<float> grad_x, const PoolOptions& options, GradientMode mode) {
  constexpr std::string_view operation = "max_pool_backward";
  if (mode == GradientMode::ignore) return;
  for_each(operation, stream, grad_x.elements(),
           MaxBackward{map_of(operation, grad_x.shape, options), grad_y.data, argmax.data,
                       grad_x.data, mode});
}

void average_pool_forward(Stream& stream, ConstView<float> x, View<float> y,
                          const PoolOptions& options) {
  constexpr std::string_view operation = "average_pool_forward";
  for_each(operation, stream, y.elements(),
           AverageForward{map_of(operation, x.shape, options), x.data, y.data});
}

void average_pool_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                           const PoolOptions& options, GradientMode mode) {
  constexpr std::string_view operation = "average_pool_backward";
  if (mode == GradientMode::ignore) return;
  for_each(
      operation, stream, grad_x.elements(),
      AverageBackward{map_of(operation, grad_x.shape, options), grad_y.data, grad_x.data, mode});
}

void global_average_pool_forward(Stream& stream, ConstView<float> x, View<float> y) {
  for_each("global_average_pool_forward", stream, y.elements(),
           GlobalForward{x.shape[1] * x.shape[2], x.shape[3], x.data, y.data});
}

void global_average_pool_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                                  GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  for_each("global_average_pool_backward", stream, grad_x.elements(),
           GlobalBackward{grad_x.shape[1] * grad_x.shape[2], grad_x.shape[3], grad_y.data,
                          grad_x.data, mode});
}

}  // namespace lq::kernels::cuda
