#include "kernels/common/cuda/pixels.h"
#include "kernels/common/cuda/reduce.h"
#include "kernels/pool/pool.h"
#include "kernels/pool/pool_cuda.h"

// Every kernel but one is a function of pixels and groups of channels
// (kernels/common/cuda/pixels.h): forward of output pixels, backward of input pixels, which gather
// from the windows over them. All are bound by memory; windows that overlap are read again from
// cache. Loops along a row of a window, which has two or three pixels nearly always, have two loads
// on their way; more would only cost registers.

namespace lq::kernels::cuda {

namespace {

struct MaxForward {
  PoolPlane plane;
  const float* x;
  float* y;
  std::uint8_t* argmax;  // may be null

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    const PoolPosition at = plane.output_position(pixel);
    const PoolRange rows = plane.vertical.positions(at.row);
    const PoolRange columns = plane.horizontal.positions(at.column);
    const int top = plane.vertical.start(at.row);
    const int left = plane.horizontal.start(at.column);
    Channels<group> best{};
    Pack<std::uint8_t, group> winners{};
    bool first = true;
    for (int h = rows.begin; h < rows.end; ++h) {
      const float* from = x + plane.input(at.image, h, columns.begin) + channel;
#pragma unroll 2
      for (int w = columns.begin; w < columns.end; ++w, from += plane.channels) {
        const Channels<group> values = load_channels<group>(from);
        const int place = (h - top) * plane.vertical.kernel + w - left;
#pragma unroll
        for (int i = 0; i < group; ++i) {
          const float value = values.values[i];
          // A NaN wins over every number, and nothing over a NaN.
          if (first || value > best.values[i] || (isnan(value) && !isnan(best.values[i]))) {
            best.values[i] = value;
            winners.values[i] = static_cast<std::uint8_t>(place);
          }
        }
        first = false;
      }
    }
    const std::int64_t to = static_cast<std::int64_t>(pixel) * plane.channels + channel;
    store_channels<group>(y + to, best);
    if (argmax != nullptr) *reinterpret_cast<Pack<std::uint8_t, group>*>(argmax + to) = winners;
  }
};

/// Adds the windows in the order of the output, to the gradient that was there.
struct MaxBackward {
  PoolPlane plane;
  const float* grad_y;
  const std::uint8_t* argmax;
  float* grad_x;
  bool add;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    const PoolPosition at = plane.input_position(pixel);
    const PoolRange rows = plane.vertical.covering(at.row);
    const PoolRange columns = plane.horizontal.covering(at.column);
    float* const to = grad_x + static_cast<std::int64_t>(pixel) * plane.channels + channel;
    Channels<group> sums{};
    if (add) sums = load_channels<group>(to);
    for (int oh = rows.begin; oh < rows.end; ++oh) {
      std::int64_t from = plane.output(at.image, oh, columns.begin) + channel;
#pragma unroll 2
      for (int ow = columns.begin; ow < columns.end; ++ow, from += plane.channels) {
        const int place = (at.row - plane.vertical.start(oh)) * plane.vertical.kernel + at.column -
                          plane.horizontal.start(ow);
        const auto winners = *reinterpret_cast<const Pack<std::uint8_t, group>*>(argmax + from);
        const Channels<group> gradients = load_channels<group>(grad_y + from);
#pragma unroll
        for (int i = 0; i < group; ++i) {
          if (winners.values[i] == place) sums.values[i] += gradients.values[i];
        }
      }
    }
    store_channels<group>(to, sums);
  }
};

struct AverageForward {
  PoolPlane plane;
  const float* x;
  float* y;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    const PoolPosition at = plane.output_position(pixel);
    const PoolRange rows = plane.vertical.positions(at.row);
    const PoolRange columns = plane.horizontal.positions(at.column);
    Channels<group> sums{};
    for (int h = rows.begin; h < rows.end; ++h) {
      const float* from = x + plane.input(at.image, h, columns.begin) + channel;
#pragma unroll 2
      for (int w = columns.begin; w < columns.end; ++w, from += plane.channels) {
        const Channels<group> values = load_channels<group>(from);
#pragma unroll
        for (int i = 0; i < group; ++i) sums.values[i] += values.values[i];
      }
    }
    const auto count = static_cast<float>((rows.end - rows.begin) * (columns.end - columns.begin));
#pragma unroll
    for (int i = 0; i < group; ++i) sums.values[i] /= count;
    store_channels<group>(y + static_cast<std::int64_t>(pixel) * plane.channels + channel, sums);
  }
};

struct AverageBackward {
  PoolPlane plane;
  const float* grad_y;
  float* grad_x;
  bool add;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    const PoolPosition at = plane.input_position(pixel);
    const PoolRange rows = plane.vertical.covering(at.row);
    const PoolRange columns = plane.horizontal.covering(at.column);
    Channels<group> sums{};
    for (int oh = rows.begin; oh < rows.end; ++oh) {
      const PoolRange h = plane.vertical.positions(oh);
      const float* from = grad_y + plane.output(at.image, oh, columns.begin) + channel;
#pragma unroll 2
      for (int ow = columns.begin; ow < columns.end; ++ow, from += plane.channels) {
        const PoolRange w = plane.horizontal.positions(ow);
        const float share = 1.0F / static_cast<float>((h.end - h.begin) * (w.end - w.begin));
        const Channels<group> gradients = load_channels<group>(from);
#pragma unroll
        for (int i = 0; i < group; ++i) sums.values[i] += share * gradients.values[i];
      }
    }
    deliver_channels<group>(grad_x + static_cast<std::int64_t>(pixel) * plane.channels + channel,
                            sums, add);
  }
};

struct GlobalAverageBackward {
  const float* grad_y;
  float* grad_x;
  int channels;
  Divider pixels;  // of an image
  float share;
  bool add;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    const std::int64_t image = pixels.quotient(pixel);
    Channels<group> gradient = load_channels<group>(grad_y + image * channels + channel);
#pragma unroll
    for (int i = 0; i < group; ++i) gradient.values[i] *= share;
    deliver_channels<group>(grad_x + static_cast<std::int64_t>(pixel) * channels + channel,
                            gradient, add);
  }
};

constexpr int global_threads = 256;

/// A block owns an image (blockIdx.x) and `width` channels of it (blockIdx.y). Neighbouring threads
/// own neighbouring channels; where there are fewer than 256, `lanes` rows of threads take turns at
/// the pixels, and their sums, 2 KiB of shared memory, are added in order. Bound by memory.
__global__ void __launch_bounds__(global_threads)
    global_average_kernel(const float* x, float* y, int pixels, int channels, int width) {
  __shared__ double sums[global_threads];
  const int lanes = global_threads / width;
  const int lane = static_cast<int>(threadIdx.x) / width;
  const int channel = static_cast<int>(blockIdx.y) * width + static_cast<int>(threadIdx.x) % width;
  double sum = 0.0;
  if (lane < lanes && channel < channels) {
    const float* const image = x + static_cast<std::int64_t>(blockIdx.x) * pixels * channels;
    for (int pixel = lane; pixel < pixels; pixel += lanes) {
      sum += image[static_cast<std::int64_t>(pixel) * channels + channel];
    }
  }
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (lane != 0 || channel >= channels) return;
  for (int other = 1; other < lanes; ++other) sum += sums[threadIdx.x + other * width];
  y[static_cast<std::int64_t>(blockIdx.x) * channels + channel] = static_cast<float>(sum / pixels);
}

std::int64_t pixels_of(const Shape& map) { return map[0] * map[1] * map[2]; }

}  // namespace

void max_pool_forward(Stream& stream, ConstView<float> x, View<float> y, View<std::uint8_t> argmax,
                      const PoolOptions& options) {
  constexpr std::string_view operation = "max_pool_forward";
  const bool in_groups = fit_groups(y.shape[3], x.data, y.data, argmax.data);
  for_each_pixel(operation, stream, pixels_of(y.shape), y.shape[3], in_groups,
                 MaxForward{PoolPlane(operation, x.shape, options), x.data, y.data, argmax.data});
}

void max_pool_backward(Stream& stream, ConstView<float> grad_y, ConstView<std::uint8_t> argmax,
                       View<float> grad_x, const PoolOptions& options, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  constexpr std::string_view operation = "max_pool_backward";
  const bool in_groups = fit_groups(grad_x.shape[3], grad_y.data, argmax.data, grad_x.data);
  for_each_pixel(operation, stream, pixels_of(grad_x.shape), grad_x.shape[3], in_groups,
                 MaxBackward{PoolPlane(operation, grad_x.shape, options), grad_y.data, argmax.data,
                             grad_x.data, mode == GradientMode::accumulate});
}

void average_pool_forward(Stream& stream, ConstView<float> x, View<float> y,
                          const PoolOptions& options) {
  constexpr std::string_view operation = "average_pool_forward";
  for_each_pixel(operation, stream, pixels_of(y.shape), y.shape[3],
                 fit_groups(y.shape[3], x.data, y.data),
                 AverageForward{PoolPlane(operation, x.shape, options), x.data, y.data});
}

void average_pool_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                           const PoolOptions& options, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  constexpr std::string_view operation = "average_pool_backward";
  for_each_pixel(operation, stream, pixels_of(grad_x.shape), grad_x.shape[3],
                 fit_groups(grad_x.shape[3], grad_y.data, grad_x.data),
                 AverageBackward{PoolPlane(operation, grad_x.shape, options), grad_y.data,
                                 grad_x.data, mode == GradientMode::accumulate});
}

void global_average_pool_forward(Stream& stream, ConstView<float> x, View<float> y) {
  constexpr std::string_view operation = "global_average_pool_forward";
  const int channels = index_extent(operation, x.shape[3]);
  const int pixels = index_extent(operation, x.shape[1] * x.shape[2]);
  const int width = std::clamp(channels, 1, global_threads);
  const dim3 grid(static_cast<unsigned>(x.shape[0]),
                  static_cast<unsigned>(ceil_divide(channels, width)));
  launch(operation, global_average_kernel, {grid, dim3(global_threads)}, stream, x.data, y.data,
         pixels, channels, width);
}

void global_average_pool_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                                  GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  constexpr std::string_view operation = "global_average_pool_backward";
  const Shape& x = grad_x.shape;
  const std::int64_t pixels = x[1] * x[2];
  for_each_pixel(operation, stream, pixels_of(x), x[3], fit_groups(x[3], grad_y.data, grad_x.data),
                 GlobalAverageBackward{grad_y.data, grad_x.data, index_extent(operation, x[3]),
                                       Divider(pixels), 1.0F / static_cast<float>(pixels),
                                       mode == GradientMode::accumulate});
}

}  // namespace lq::kernels::cuda
