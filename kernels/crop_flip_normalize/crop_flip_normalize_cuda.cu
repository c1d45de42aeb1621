#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/launch.h"
#include "kernels/crop_flip_normalize/crop_flip_normalize.h"
#include "kernels/crop_flip_normalize/window_row.h"

namespace lq::kernels::cuda {

namespace {

constexpr int block_warps = 8;
constexpr int block_threads = block_warps * warp_threads;

struct Problem {
  const std::uint8_t* images;
  const std::int32_t* windows;
  const float* mean;
  const float* scale;  // of channels
  float* y;
  Extents image;
  Extents window;
  int rows;  // of all windows
  int row_values;
  int channels;
  bool mean_is_of_channels;
};

/// A warp owns a row of a window, and its lanes values side by side: of a request to the bytes all
/// 32 lie together, mirrored or not, and requests to mean and result are rows of 32 floats. Nothing
/// is read twice but mean and scale, which stay in the cache; bound by memory.
__global__ void __launch_bounds__(block_threads) crop_flip_normalize_kernel(Problem p) {
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * block_warps +
                           static_cast<int>(threadIdx.x) / warp_threads;
  if (row >= p.rows) return;
  const int window_height = static_cast<int>(p.window.height);
  const int n = static_cast<int>(row) / window_height;
  const int h = static_cast<int>(row) - n * window_height;
  const WindowRow shown =
      window_row(p.windows + 3 * static_cast<std::int64_t>(n), n, h, p.image, p.window, p.channels);
  const float* mean =
      p.mean_is_of_channels ? p.mean : p.mean + static_cast<std::int64_t>(h) * p.row_values;
  float* y = p.y + row * p.row_values;
  const int begin = static_cast<int>(shown.begin), end = static_cast<int>(shown.end);
  const int channel_step = warp_threads % p.channels;
  int channel = lane % p.channels;
  for (int i = lane; i < p.row_values; i += warp_threads) {
    const bool inside = i >= begin && i < end;
    const float byte = inside ? p.images[shown.source(i, channel)] : 0.0F;
    y[i] = (byte - mean[p.mean_is_of_channels ? channel : i]) * p.scale[channel];
    channel += channel_step;
    if (channel >= p.channels) channel -= p.channels;
  }
}

}  // namespace

void crop_flip_normalize(Stream& stream, ConstView<std::uint8_t> images,
                         ConstView<std::int32_t> windows, ConstView<float> mean,
                         ConstView<float> scale, View<float> y) {
  constexpr std::string_view operation = "crop_flip_normalize";
  const Problem problem{.images = images.data,
                        .windows = windows.data,
                        .mean = mean.data,
                        .scale = scale.data,
                        .y = y.data,
                        .image = {images.shape[1], images.shape[2]},
                        .window = {y.shape[1], y.shape[2]},
                        .rows = index_extent(operation, y.shape[0] * y.shape[1]),
                        .row_values = index_extent(operation, y.shape[2] * y.shape[3]),
                        .channels = index_extent(operation, y.shape[3]),
                        .mean_is_of_channels = mean.elements() == y.shape[3]};
  const LaunchShape shape{dim3(static_cast<unsigned>(ceil_divide(problem.rows, block_warps))),
                          dim3(block_threads)};
  launch(operation, crop_flip_normalize_kernel, shape, stream, problem);
}

}  // namespace lq::kernels::cuda
