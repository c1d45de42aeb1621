// What the CUDA kernels of bitconv share: operands, the places of windows, and what follows the
// sums. For bitconv_*_cuda.cu files.
#pragma once

#include <cstdint>
#include <limits>

#include "core/integers.h"
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
/// into steps: step [plane] O step_words, the last as swizzled() says.
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

/// What belongs to output channels has outputs_pitch of them; values of those beyond O count for
/// nothing.
struct DeviceFloatOutput {
  const float* scale = nullptr;  // null: 1
  const float* shift = nullptr;
  bool relu = false;
  float* to = nullptr;
};

/// Thresholds are read by fours, the last of them filled up.
inline constexpr int thresholds_at_once = 4;

/// One of the four of a float4 or uint4.
template <typename Four>
__host__ __device__ auto& part(Four& four, int i) {
  return i == 0 ? four.x : i == 1 ? four.y : i == 2 ? four.z : four.w;
}

struct DeviceSymbolOutput {
  const float4* thresholds = nullptr;  // count / thresholds_at_once x O; none is above +inf
  const float* signs = nullptr;
  const std::uint8_t* symbols = nullptr;
  const uint4* flips = nullptr;  // plane x count / thresholds_at_once, see bitconv_flips.h
  int first_symbol = 0;
  int count = 0;    // thresholds
  int planes = 0;   // 0: bytes
  int operand = 0;  // of a run
  void* to = nullptr;
  std::int64_t plane_words = 0;

  __host__ __device__ int reads() const { return ceil_divide(count, thresholds_at_once); }
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
  int plane_outputs = 0;
  int byte_outputs = 0;
  DeviceSymbolOutput symbols[max_bitconv_outputs];  // first those of planes
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

/// The part of a warp in the results of `count` consecutive pixels: its lanes own the output
/// channels first_channel + lane; those beyond O only take part in the ballots.
template <int count_>
struct PixelGroup {
  static constexpr int count = count_;
  using Values = float[count];

  const DeviceConvolution& conv;
  std::int64_t first_pixel;
  int first_channel;

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % warp_threads; }
  __device__ int o() const { return first_channel + lane(); }
  __device__ bool is_channel() const { return o() < conv.outputs; }
  __device__ bool is_pixel(int k) const { return k < conv.pixels - first_pixel; }
  __device__ bool is_result(int k) const { return is_channel() && is_pixel(k); }
  /// The place of the lane's first result in N P Q O; the next ones follow at distances of O.
  __device__ std::int64_t first_result() const { return first_pixel * conv.outputs + o(); }
};

template <typename Group>
__device__ void add_residual(const Group& group, typename Group::Values& values) {
  const float* const residual = group.conv.residual + group.first_result();
  typename Group::Values loaded;
#pragma unroll
  for (int k = 0; k < Group::count; ++k) {
    loaded[k] = group.is_result(k) ? residual[k * std::int64_t{group.conv.outputs}] : 0;
  }
#pragma unroll
  for (int k = 0; k < Group::count; ++k) values[k] += loaded[k];
}

template <typename Group>
__device__ void write_floats(const Group& group, const DeviceFloatOutput& output,
                             const typename Group::Values& values) {
  float scale = 1;
  float shift = 0;
  if (output.scale != nullptr) {
    scale = output.scale[group.o()];
    shift = output.shift[group.o()];
  }
  float* const to = output.to + group.first_result();
#pragma unroll
  for (int k = 0; k < Group::count; ++k) {
    const float result = output.scale != nullptr ? __fmaf_rn(values[k], scale, shift) : values[k];
    if (group.is_result(k))
      to[k * std::int64_t{group.conv.outputs}] = output.relu && !(result > 0.0F) ? 0.0F : result;
  }
}

/// What is compared with thresholds.
template <typename Group>
__device__ void sign_values(const Group& group, const DeviceSymbolOutput& output,
                            const typename Group::Values& values,
                            typename Group::Values& compared) {
  const float sign = output.signs[group.o()];
#pragma unroll
  for (int k = 0; k < Group::count; ++k) compared[k] = sign * values[k];
}

/// A ballot over a threshold has a bit for each channel; planes are exclusive ors of them. A lane
/// makes words of the pixel that is its number modulo `count`: of a plane, or of one in every
/// planes_apart.
template <typename Group>
__device__ void write_planes(const Group& group, const DeviceSymbolOutput& output,
                             const typename Group::Values& values) {
  constexpr int count = Group::count;
  constexpr int planes_at_once = 4;
  constexpr int planes_apart = warp_threads / count;
  constexpr int words = planes_apart < planes_at_once ? planes_at_once / planes_apart : 1;
  typename Group::Values compared;
  sign_values(group, output, values, compared);
  const unsigned channels = __ballot_sync(whole_warp, group.is_channel());
  const int own = group.lane() % count;
  unsigned is_own[count];
#pragma unroll
  for (int k = 0; k < count; ++k) is_own[k] = own == k ? ~0U : 0U;
  for (int first_plane = 0; first_plane < output.planes; first_plane += words * planes_apart) {
    const auto plane = [&](int w) { return first_plane + group.lane() / count + w * planes_apart; };
    unsigned word[words];
#pragma unroll
    for (int w = 0; w < words; ++w) {
      word[w] = (output.first_symbol >> plane(w) & 1) != 0 ? channels : 0;
    }
    for (int read = 0; read < output.reads(); ++read) {
      const float4 thresholds = output.thresholds[read * group.conv.outputs_pitch + group.o()];
      uint4 flips[words];
#pragma unroll
      for (int w = 0; w < words; ++w) {
        flips[w] = plane(w) < output.planes ? output.flips[plane(w) * output.reads() + read]
                                            : make_uint4(0, 0, 0, 0);
      }
#pragma unroll
      for (int i = 0; i < thresholds_at_once; ++i) {
        if (read * thresholds_at_once + i >= output.count) break;
        unsigned above = 0;
#pragma unroll
        for (int k = 0; k < count; ++k) {
          above |= __ballot_sync(whole_warp, compared[k] > part(thresholds, i)) & is_own[k];
        }
#pragma unroll
        for (int w = 0; w < words; ++w) word[w] ^= above & part(flips[w], i);
      }
    }
    if (!group.is_pixel(own)) continue;
    const std::int64_t pixel = group.first_pixel + own;
    auto* const to = static_cast<std::uint32_t*>(output.to) +
                     pixel * packed::words(group.conv.outputs) +
                     group.first_channel / packed::bits_per_word;
#pragma unroll
    for (int w = 0; w < words; ++w) {
      if (plane(w) < output.planes) to[plane(w) * output.plane_words] = word[w];
    }
  }
}

template <typename Group>
__device__ void write_bytes(const Group& group, const DeviceSymbolOutput& output,
                            const typename Group::Values& values) {
  constexpr int count = Group::count;
  typename Group::Values compared;
  sign_values(group, output, values, compared);
  int positions[count] = {};
  for (int read = 0; read < output.reads(); ++read) {
    const float4 thresholds = output.thresholds[read * group.conv.outputs_pitch + group.o()];
#pragma unroll
    for (int i = 0; i < thresholds_at_once; ++i) {
#pragma unroll
      for (int k = 0; k < count; ++k) positions[k] += compared[k] > part(thresholds, i) ? 1 : 0;
    }
  }
  auto* const to = static_cast<std::uint8_t*>(output.to) + group.first_result();
#pragma unroll
  for (int k = 0; k < count; ++k) {
    if (group.is_result(k)) to[k * std::int64_t{group.conv.outputs}] = output.symbols[positions[k]];
  }
}

/// Everything behind the sums. What belongs to a channel is read once for all pixels.
template <typename Group>
__device__ void finish_pixels(const Group& group, const typename Group::Values& sums) {
  const DeviceConvolution& conv = group.conv;
  const float scale = conv.scale[group.o()];
  const float shift = conv.shift[group.o()];
  typename Group::Values values;
#pragma unroll
  for (int k = 0; k < Group::count; ++k) values[k] = __fmaf_rn(sums[k], scale, shift);
  if (conv.residual != nullptr) add_residual(group, values);
  for (int i = 0; i < conv.float_outputs; ++i) write_floats(group, conv.floats[i], values);
  const DeviceSymbolOutput* symbols = conv.symbols;
  for (int i = 0; i < conv.plane_outputs; ++i) write_planes(group, *symbols++, values);
  for (int i = 0; i < conv.byte_outputs; ++i) write_bytes(group, *symbols++, values);
}

/// The results of a block's tile of `rows` output pixels and `columns` output channels, whose sums
/// the first `threads` threads find by sum_at(row, column), up to a multiple of 32 columns. Every
/// warp finishes consecutive pixels of 32 channels, some at once so that their loads and ballots
/// overlap.
template <int rows, int columns, int threads, int pixels_at_once, typename SumAt>
__device__ void finish_rows(const DeviceConvolution& conv, std::int64_t first_pixel,
                            int first_channel, SumAt&& sum_at) {
  constexpr int warps_across = ceil_divide(columns, warp_threads);
  constexpr int rows_of_warp = rows / (threads / warp_threads / warps_across);
  static_assert(rows_of_warp % pixels_at_once == 0);
  using Group = PixelGroup<pixels_at_once>;
  const int warp = static_cast<int>(threadIdx.x) / warp_threads;
  const int column = warp % warps_across * warp_threads;
  const int channel = first_channel + column;
  if (channel >= conv.outputs) return;
  const int first_row = warp / warps_across * rows_of_warp;
  for (int row = first_row; row < first_row + rows_of_warp; row += pixels_at_once) {
    typename Group::Values sums;
#pragma unroll
    for (int k = 0; k < pixels_at_once; ++k) sums[k] = sum_at(row + k, column + Group::lane());
    finish_pixels(Group{conv, first_pixel + row, channel}, sums);
  }
}

}  // namespace lq::kernels::cuda
