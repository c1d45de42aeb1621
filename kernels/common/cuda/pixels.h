// Functions of pixels and groups of channels, channels fastest. For *_cuda.cu files.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/elementwise.h"

namespace lq::kernels::cuda {

inline constexpr int pixel_threads = 256;
/// Blocks of a multiprocessor that registers have to leave room for: as many threads as the
/// smallest device holds.
inline constexpr int pixel_blocks = 4;
inline constexpr int channels_of_group = 4;

/// How pixels x groups of channels are spread over threads.
struct PixelTiles {
  int pixels = 0;
  int groups = 0;  // of a pixel
  int width = 0;   // groups that a block takes at a time
  int lanes = 0;   // pixels that a block takes at a time

  PixelTiles(int pixels_, int groups_) : pixels(pixels_), groups(groups_) {
    // Wide pixels are cut into equal parts, so that few threads are left over.
    const int parts = ceil_divide(groups, pixel_threads);
    width = std::max(1, ceil_divide(groups, std::max(1, parts)));
    lanes = pixel_threads / width;
  }
};

/// A block owns every gridDim.x-th row of `lanes` pixels; neighbouring threads own neighbouring
/// groups of channels, whole pixels side by side, so that a warp's accesses are consecutive where
/// the function's are. Calls function.apply<group>(pixel, channel), channel being the first of the
/// group. There is no division in the loop. Bound by memory, by what functions are made for.
template <int group, typename Function>
__global__ void __launch_bounds__(pixel_threads, pixel_blocks)
    pixels_kernel(PixelTiles tiles, Function function) {
  const int lane = static_cast<int>(threadIdx.x) / tiles.width;
  const int first_group = static_cast<int>(threadIdx.x) - lane * tiles.width;
  if (lane >= tiles.lanes) return;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * tiles.lanes;
  for (std::int64_t pixel = static_cast<std::int64_t>(blockIdx.x) * tiles.lanes + lane;
       pixel < tiles.pixels; pixel += step) {
    // Rarely more than one: unrolling would only cost registers.
#pragma unroll 1
    for (int i = first_group; i < tiles.groups; i += tiles.width) {
      function.template apply<group>(static_cast<int>(pixel), i * group);
    }
  }
}

/// Runs it over all pixels and channels, in groups of four channels where `in_groups`: they are
/// then a multiple of four, and what the function reads and writes is aligned for it.
template <typename Function>
void for_each_pixel(std::string_view operation, Stream& stream, std::int64_t pixels,
                    std::int64_t channels, bool in_groups, const Function& function) {
  const int group = in_groups ? channels_of_group : 1;
  const PixelTiles tiles(index_extent(operation, pixels),
                         index_extent(operation, channels) / group);
  if (tiles.groups == 0) return;
  constexpr int most_blocks = 1 << 14;
  const int blocks = std::min(ceil_divide(tiles.pixels, tiles.lanes), most_blocks);
  const auto kernel =
      in_groups ? pixels_kernel<channels_of_group, Function> : pixels_kernel<1, Function>;
  launch(operation, kernel, {dim3(static_cast<unsigned>(blocks)), dim3(pixel_threads)}, stream,
         tiles, function);
}

/// Whether pixels of `channels` values can be accessed four at a time.
template <typename... Pointers>
bool fit_groups(std::int64_t channels, Pointers... pointers) {
  return channels % channels_of_group == 0 && are_aligned<channels_of_group>(pointers...);
}

template <int group>
using Channels = Pack<float, group>;

template <int group>
__device__ Channels<group> load_channels(const float* from) {
  return *reinterpret_cast<const Channels<group>*>(from);
}

template <int group>
__device__ void store_channels(float* to, const Channels<group>& values) {
  *reinterpret_cast<Channels<group>*>(to) = values;
}

/// to (+)= gradient.
template <int group>
__device__ void deliver_channels(float* to, Channels<group> gradient, bool add) {
  if (add) {
    const Channels<group> before = load_channels<group>(to);
#pragma unroll
    for (int i = 0; i < group; ++i) {
      gradient.values[i] = add_gradient(before.values[i], gradient.values[i]);
    }
  }
  store_channels<group>(to, gradient);
}

}  // namespace lq::kernels::cuda
