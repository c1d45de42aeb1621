// What the CUDA kernels of bitconv share: operands, the walk over a window, and what follows the
// sums. For bitconv_*_cuda.cu files.
#pragma once

#include <cstdint>

#include "core/packed_layout.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/bitconv/bitconv_tile_plan.h"
#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/launch.h"

namespace lq::kernels::cuda {

enum class Arithmetic : unsigned char { bits, bytes, floats };

/// Of weights in memory.
enum class Order : unsigned char { lanes, tiles };

/// A segment on the device. O is rounded up to channel_block, and what is beyond is zero. In
/// Order::lanes, weights of neighbouring output channels stand side by side, so that a warp reads a
/// word of each in one access: [plane] R S word O for bits, R S word O for four bytes a word, R S C
/// O for floats. In Order::tiles, of bits and bytes alone, the words R S word of a channel are cut
/// into steps: step [plane] O step_words.
struct DeviceSegment {
  Arithmetic arithmetic = Arithmetic::floats;
  int channels = 0;
  int words = 0;  // of a pixel; of four channels for bytes
  int weight_bits = 0;
  int input_bits = 0;
  const void* weights = nullptr;
  const float* weight_basis = nullptr;  // bits: plane x O;  bytes: O, the scale of weight and input
  const float* input_basis = nullptr;   // bits: one for each plane;  bytes: 1
  int zero_point = 0;
  const std::int32_t* tap_sums = nullptr;  // lanes, bytes: R S O, sums of weights
  const std::int32_t* offsets = nullptr;   // tiles: plane x O, popc(W), or -zero_point sum(W)
  const std::uint32_t* outside = nullptr;  // tiles: four words for outside of the map; null: zeros
  int steps = 0;                           // tiles
  Divider by_words{1};                     // tiles
  const void* input = nullptr;             // of a run
  std::int64_t plane_words = 0;
  int copy_words = 1;  // tiles: as many words from a pixel's, in 1, 2, 4, lie aligned in memory
};

struct DeviceFloatOutput {
  const float* scale = nullptr;  // null: 1
  const float* shift = nullptr;
  bool relu = false;
  float* to = nullptr;
};

/// Symbols that fit a register.
inline constexpr int few_symbols = 4;

struct DeviceSymbolOutput {
  const float* thresholds = nullptr;  // count x O
  const float* signs = nullptr;
  const std::uint8_t* symbols = nullptr;
  std::uint32_t first_symbols = 0;  // few_symbols of them, from the lowest byte on
  int count = 0;                    // thresholds
  int planes = 0;
  void* to = nullptr;
  std::int64_t plane_words = 0;
};

/// All that a launch needs; small enough to be passed by value.
struct DeviceConvolution {
  int h = 0, w = 0, p = 0, q = 0, kernel_h = 0, kernel_w = 0;
  int stride_h = 1, stride_w = 1, pad_top = 0, pad_left = 0;
  int outputs = 0;          // O
  int outputs_pitch = 0;    // O rounded up to channel_block
  std::int64_t pixels = 0;  // N P Q
  int segments = 0;
  DeviceSegment segment[max_bitconv_segments];
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* residual = nullptr;  // null: none
  int float_outputs = 0;
  DeviceFloatOutput floats[max_bitconv_outputs];
  int symbol_outputs = 0;
  DeviceSymbolOutput symbols[max_bitconv_outputs];
  Divider by_q{1}, by_p{1}, by_kernel_w{1};
};

/// An output pixel's place.
struct OutputPixel {
  int n, top, left;  // of its window in the input, padding included

  __device__ OutputPixel(const DeviceConvolution& conv, std::int64_t pixel) {
    auto column = static_cast<std::uint32_t>(pixel);
    std::uint32_t row = conv.by_q.divide(column);
    n = static_cast<int>(conv.by_p.divide(row));
    top = static_cast<int>(row) * conv.stride_h - conv.pad_top;
    left = static_cast<int>(column) * conv.stride_w - conv.pad_left;
  }
  /// The input pixel, in N H W, at a tap of the window; -1 outside of the map.
  __device__ std::int64_t at(const DeviceConvolution& conv, int r, int s) const {
    const int y = top + r;
    const int x = left + s;
    if (y < 0 || y >= conv.h || x < 0 || x >= conv.w) return -1;
    return (static_cast<std::int64_t>(n) * conv.h + y) * conv.w + x;
  }
};

/// Calls visit(tap, input pixel in N H W) for the places of an output pixel's window that lie on
/// the map; taps are counted row by row.
template <typename Visit>
__device__ void for_each_tap(const DeviceConvolution& conv, std::int64_t pixel, Visit&& visit) {
  const OutputPixel place(conv, pixel);
  int tap = 0;
  for (int r = 0; r < conv.kernel_h; ++r) {
    for (int s = 0; s < conv.kernel_w; ++s, ++tap) {
      const std::int64_t at = place.at(conv, r, s);
      if (at >= 0) visit(tap, at);
    }
  }
}

/// The part of a warp in the results of `count` pixels, first_pixel + k stride: its lanes own the
/// output channels first_channel + lane; those beyond O only take part in the ballots.
template <int count>
struct PixelGroup {
  const DeviceConvolution& conv;
  std::int64_t first_pixel;
  int stride;
  int first_channel;

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % warp_threads; }
  __device__ int o() const { return first_channel + lane(); }
  __device__ bool is_channel() const { return o() < conv.outputs; }
  /// A channel whose parameters may be read.
  __device__ int channel() const { return is_channel() ? o() : 0; }
  __device__ std::int64_t pixel(int k) const { return first_pixel + k * stride; }
  __device__ bool is_pixel(int k) const { return pixel(k) < conv.pixels; }
  __device__ bool is_result(int k) const { return is_channel() && is_pixel(k); }
  /// Of a result, in N P Q O.
  __device__ std::int64_t at(int k) const { return pixel(k) * conv.outputs + o(); }
};

template <int count>
__device__ void write_floats(const PixelGroup<count>& group, const DeviceFloatOutput& output,
                             const float (&values)[count]) {
  float scale = 1;
  float shift = 0;
  if (output.scale != nullptr) {
    scale = output.scale[group.channel()];
    shift = output.shift[group.channel()];
  }
#pragma unroll
  for (int k = 0; k < count; ++k) {
    const float result = output.scale != nullptr ? __fmaf_rn(values[k], scale, shift) : values[k];
    if (group.is_result(k)) {
      output.to[group.at(k)] = output.relu && !(result > 0.0F) ? 0.0F : result;
    }
  }
}

template <int count>
__device__ void write_symbols(const PixelGroup<count>& group, const DeviceSymbolOutput& output,
                              const float (&values)[count]) {
  const float sign = output.signs[group.channel()];
  int positions[count] = {};
  for (int t = 0; t < output.count; ++t) {
    const float threshold = output.thresholds[t * group.conv.outputs + group.channel()];
#pragma unroll
    for (int k = 0; k < count; ++k) positions[k] += sign * values[k] > threshold ? 1 : 0;
  }
#pragma unroll
  for (int k = 0; k < count; ++k) {
    unsigned symbol = 0;
    if (group.is_channel()) {
      symbol = output.count < few_symbols ? output.first_symbols >> (8 * positions[k]) & 0xffU
                                          : output.symbols[positions[k]];
    }
    if (output.planes == 0) {
      if (group.is_result(k)) {
        static_cast<std::uint8_t*>(output.to)[group.at(k)] = static_cast<std::uint8_t>(symbol);
      }
      continue;
    }
    unsigned of_lane = 0;  // a lane writes the plane of its number
    for (int plane = 0; plane < output.planes; ++plane) {
      const unsigned bits = __ballot_sync(~0U, (symbol >> plane & 1U) != 0);
      if (group.lane() == plane) of_lane = bits;
    }
    if (group.lane() < output.planes && group.is_pixel(k)) {
      static_cast<std::uint32_t*>(output.to)[group.lane() * output.plane_words +
                                             group.pixel(k) * packed::words(group.conv.outputs) +
                                             group.first_channel / packed::bits_per_word] = of_lane;
    }
  }
}

/// Everything behind the sums. What belongs to a channel is read once for all pixels.
template <int count>
__device__ void finish_pixels(const PixelGroup<count>& group, const float (&sums)[count]) {
  const DeviceConvolution& conv = group.conv;
  const float scale = conv.scale[group.channel()];
  const float shift = conv.shift[group.channel()];
  float values[count];
#pragma unroll
  for (int k = 0; k < count; ++k) {
    values[k] = __fmaf_rn(sums[k], scale, shift);
    if (conv.residual != nullptr && group.is_result(k)) values[k] += conv.residual[group.at(k)];
  }
  for (int i = 0; i < conv.float_outputs; ++i) write_floats(group, conv.floats[i], values);
  for (int i = 0; i < conv.symbol_outputs; ++i) write_symbols(group, conv.symbols[i], values);
}

}  // namespace lq::kernels::cuda
