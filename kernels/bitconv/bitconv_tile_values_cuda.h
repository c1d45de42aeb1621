// Tiles of a bit-convolution: from the sums of their passes to results. For bitconv_*_cuda.cu
// files.
#pragma once

#include <cstdint>

#include "kernels/bitconv/bitconv_cuda.h"
#include "kernels/bitconv/bitconv_mma_cuda.h"
#include "kernels/bitconv/bitconv_tile_cuda.h"

namespace lq::kernels::cuda {

/// Calls visit.operator()<Product, planes>(pass) for every pass that a convolution takes.
template <typename T, typename Visit>
__device__ void for_each_pass(const DeviceConvolution& conv, Visit&& visit) {
  constexpr int sums = T::row_fragments * T::column_fragments * 4;
  int slot = 0;
  for (int s = 0; s < conv.segments; ++s) {
    const DeviceSegment& segment = conv.segment[s];
    if (segment.arithmetic == Arithmetic::bytes) {
      visit.template operator()<ByteProduct, 1>(Pass{segment, 0, 0, slot});
      slot += sums;
      continue;
    }
    for (int i = 0; i < segment.weight_bits; ++i) {
      int j = 0;
      for (; j + 2 <= segment.input_bits; j += 2, slot += 2 * sums) {
        visit.template operator()<BitProduct, 2>(Pass{segment, i, j, slot});
      }
      if (j < segment.input_bits) {
        visit.template operator()<BitProduct, 1>(Pass{segment, i, j, slot});
        slot += sums;
      }
    }
  }
}

/// A tile's values, on their way from the layout of fragments to that of pixels.
template <typename T>
struct TileValues {
  float values[T::rows][T::value_pitch];
};

/// What a block makes of its tile.
template <typename T>
struct TileResults {
  const DeviceConvolution& conv;
  TileValues<T>& values;
  std::int64_t first_pixel;
  int first_channel;
};

/// Adds what the sums of a whole pass stand for to the tile's values.
template <typename T, typename Product, int planes>
__device__ void add_values(const TileResults<T>& results, const Pass& pass,
                           const TileSums<T, planes>& sums) {
  const DeviceSegment& segment = pass.segment;
  // Of the thread's first column; the others lie at constant distances.
  const int first = pass.weight_plane * results.conv.outputs_pitch + results.first_channel +
                    first_pair_column<T>();
  const float* const weight_basis = segment.weight_basis + first;
  const std::int32_t* const offsets = segment.offsets + first;
  float input_basis[planes];
#pragma unroll
  for (int j = 0; j < planes; ++j) input_basis[j] = segment.input_basis[pass.input_plane + j];
  for_each_pair<T>([&](int row, int column, int r, int c, int e) {
    const auto value = [&](int neighbour) {
      const int o = fragment_columns * c + neighbour;
      const int offset = Product::has_offset ? offsets[o] : 0;
      float sum = 0;
#pragma unroll
      for (int j = 0; j < planes; ++j) {
        sum += input_basis[j] *
               static_cast<float>(offset + Product::factor * sums[j][r][c][e + neighbour]);
      }
      return weight_basis[o] * sum;
    };
    auto* const pair = reinterpret_cast<float2*>(&results.values.values[row][column]);
    const float2 before = pass.slot == 0 ? make_float2(0, 0) : *pair;
    *pair = make_float2(before.x + value(0), before.y + value(1));
  });
}

template <typename T>
__device__ void finish_tile(const TileResults<T>& results) {
  finish_rows<T::rows, T::columns, T::threads, T::finished_at_once>(
      results.conv, results.first_pixel, results.first_channel,
      [&](int row, int column) { return results.values.values[row][column]; });
}

}  // namespace lq::kernels::cuda
