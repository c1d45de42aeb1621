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

struct DeviceSymbolOutput {
  const float* thresholds = nullptr;  // count x O
  const float* signs = nullptr;
  const std::uint8_t* symbols = nullptr;
  int count = 0;  // thresholds
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

/// Everything behind the sum of a pixel: a warp calls, whose lanes own its output channels
/// first_channel + lane; those beyond O only take part in the ballots.
__device__ inline void finish_pixel(const DeviceConvolution& conv, std::int64_t pixel,
                                    int first_channel, float sum) {
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  const int o = first_channel + lane;
  const bool is_channel = o < conv.outputs;
  const std::int64_t at = pixel * conv.outputs + o;
  float value = 0;
  if (is_channel) {
    value = __fmaf_rn(sum, conv.scale[o], conv.shift[o]);
    if (conv.residual != nullptr) value += conv.residual[at];
    for (int i = 0; i < conv.float_outputs; ++i) {
      const DeviceFloatOutput& output = conv.floats[i];
      float result = value;
      if (output.scale != nullptr) result = __fmaf_rn(result, output.scale[o], output.shift[o]);
      output.to[at] = output.relu && !(result > 0.0F) ? 0.0F : result;
    }
  }
  for (int i = 0; i < conv.symbol_outputs; ++i) {
    const DeviceSymbolOutput& output = conv.symbols[i];
    unsigned symbol = 0;
    if (is_channel) {
      const float compared = output.signs[o] * value;
      int position = 0;
      for (int t = 0; t < output.count; ++t) {
        position += compared > output.thresholds[t * conv.outputs + o] ? 1 : 0;
      }
      symbol = output.symbols[position];
    }
    if (output.planes == 0) {
      if (is_channel) static_cast<std::uint8_t*>(output.to)[at] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    const std::int64_t word =
        pixel * packed::words(conv.outputs) + first_channel / packed::bits_per_word;
    for (int plane = 0; plane < output.planes; ++plane) {
      const unsigned bits = __ballot_sync(~0U, (symbol >> plane & 1U) != 0);
      if (lane == plane) {
        static_cast<std::uint32_t*>(output.to)[plane * output.plane_words + word] = bits;
      }
    }
  }
}

}  // namespace lq::kernels::cuda
