// Tiles of a bit-convolution: their operands on the way into shared memory and out of it. For
// bitconv_*_cuda.cu files.
#pragma once

#include <cstdint>

#include "kernels/bitconv/bitconv_cuda.h"
#include "kernels/bitconv/bitconv_mma_cuda.h"
#include "kernels/bitconv/bitconv_tile_plan.h"
#include "kernels/common/cuda/async_copy.h"

namespace lq::kernels::cuda {

static_assert(warp_lanes == warp_threads);

/// A tile's extents as constants, and the part of a warp.
template <BitconvTile tile>
struct Tile {
  static constexpr TileExtents extents = extents_of(tile);
  static constexpr int rows = extents.rows;
  static constexpr int columns = extents.columns;
  static constexpr int resident_blocks = extents.resident_blocks;
  static constexpr int warps_across = extents.warps_across();
  static constexpr int threads = extents.warps() * warp_threads;
  static constexpr int row_fragments = extents.row_fragments();
  static constexpr int column_fragments = extents.column_fragments();
  static_assert(channel_block % columns == 0 && column_fragments % 2 == 0);
  static constexpr bool has_one_pass = extents.has_one_pass();
  static constexpr bool can_split = extents.can_split();

  /// Of this thread's warp.
  static __device__ int first_row() {
    return static_cast<int>(threadIdx.x) / warp_threads / warps_across * extents.warp_rows;
  }
  static __device__ int first_column() {
    return static_cast<int>(threadIdx.x) / warp_threads % warps_across * extents.warp_columns;
  }
};

/// One walk over the windows: a plane of weights with one or two of inputs.
struct Pass {
  const DeviceSegment& segment;
  int weight_plane;
  int input_plane;  // the first
  int slot;         // of its first sum among those of a thread
};

/// Where the window of an output pixel begins, padding included: row x and column y of the map, and
/// the place z of that in N H W, which may lie before the first. Of four words, so that it is read
/// in one access.
using TileRow = int4;
static_assert(sizeof(TileRow) == tile_row_bytes);

__device__ inline TileRow tile_row(const DeviceConvolution& conv, const OutputPixel& pixel) {
  return make_int4(pixel.top, pixel.left, (pixel.n * conv.h + pixel.top) * conv.w + pixel.left, 0);
}

/// Shared memory of a stage. Matrices are read by eight rows of four words at once, and eight rows
/// of eight words fill all banks twice: rows 4 to 7 of eight have their halves swapped, so that the
/// same words of all eight lie in different banks (swizzled()).
template <typename T>
struct alignas(16) Stage {
  std::uint32_t inputs[stage_steps][most_planes][T::rows][step_words];
  std::uint32_t weights[stage_steps][T::columns][step_words];
};

/// Where a word of a row of a stage lies in it.
__device__ inline int swizzled(int row, int word) { return word ^ (row & 4); }

/// Queues the copies of the inputs of a stage, from `first_step` on. A thread has the same place of
/// several rows, so that it finds out once where in the window that is. Steps lie in the same
/// banks, and so are of different warps.
template <typename T, typename Product, int planes, int copy_words>
__device__ void stage_inputs(const DeviceConvolution& conv, const Pass& pass, const TileRow* rows,
                             int first_step, int end_step, Stage<T>& stage) {
  constexpr int step_pieces = step_words / copy_words;
  constexpr int step_threads = T::threads / stage_steps;
  static_assert(step_threads % warp_threads == 0);
  constexpr int rows_at_once = T::extents.rows_at_once(copy_words);
  static_assert(rows_at_once % 8 == 0);  // so that all rows of a thread are swizzled alike
  const DeviceSegment& segment = pass.segment;
  const auto thread = static_cast<int>(threadIdx.x);
  const int step = thread / step_threads;
  const int first_row = thread % step_threads / step_pieces;
  const int place = thread % step_pieces * copy_words;
  const int place_in_stage = swizzled(first_row, place);
  if (first_step + step >= end_step) return;
  int word = 0;
  int s = 0;
  const int r = conv.by_kernel_w.split(
      segment.by_words.split((first_step + step) * step_words + place, word), s);
  // Words behind the window, where weights are zero, are not read either.
  const int height = r < conv.kernel_h ? conv.h : 0;
  const int distance = r * conv.w + s;
  const auto* const input = static_cast<const std::uint32_t*>(segment.input) +
                            pass.input_plane * segment.plane_words + word;
#pragma unroll
  for (int first = 0; first < T::rows; first += rows_at_once) {
    const int row = first + first_row;
    if (T::rows % rows_at_once != 0 && row >= T::rows) break;
    const TileRow window = rows[row];
    bool is_there = static_cast<unsigned>(window.x + r) < static_cast<unsigned>(height) &&
                    static_cast<unsigned>(window.y + s) < static_cast<unsigned>(conv.w);
    const std::uint32_t* from =
        input + static_cast<std::int64_t>(window.z + distance) * segment.words;
    if (Product::reads_outside && segment.outside != nullptr) {
      if (!is_there) from = segment.outside;
      is_there = true;
    }
#pragma unroll
    for (int j = 0; j < planes; ++j) {
      copy_async<copy_words * 4>(&stage.inputs[step][j][row][place_in_stage],
                                 from + j * segment.plane_words, is_there);
    }
  }
}

template <typename T>
__device__ void stage_weights(const DeviceConvolution& conv, const Pass& pass, int first_channel,
                              int first_step, int end_step, Stage<T>& stage) {
  constexpr int copy_words = 4;
  constexpr int pieces = T::columns * step_words / copy_words;
  const DeviceSegment& segment = pass.segment;
#pragma unroll
  for (int first = 0; first < stage_steps * pieces; first += T::threads) {
    const int piece = first + static_cast<int>(threadIdx.x);
    if (stage_steps * pieces % T::threads != 0 && piece >= stage_steps * pieces) break;
    const int step = piece / pieces;
    const int word = piece % pieces * copy_words;
    if (first_step + step >= end_step) break;
    const std::int64_t row =
        static_cast<std::int64_t>((first_step + step) * segment.weight_bits + pass.weight_plane) *
            conv.outputs_pitch +
        first_channel;
    copy_async<copy_words * 4>(
        &stage.weights[step][word / step_words][swizzled(word / step_words, word % step_words)],
        static_cast<const std::uint32_t*>(segment.weights) + row * step_words + word, true);
  }
}

template <typename T, typename Product, int planes>
__device__ void fill_stage(const DeviceConvolution& conv, const Pass& pass, const TileRow* rows,
                           int first_channel, int first_step, int end_step, Stage<T>& stage) {
  switch (pass.segment.copy_words) {
    case 4:
      stage_inputs<T, Product, planes, 4>(conv, pass, rows, first_step, end_step, stage);
      break;
    case 2:
      stage_inputs<T, Product, planes, 2>(conv, pass, rows, first_step, end_step, stage);
      break;
    default:
      stage_inputs<T, Product, planes, 1>(conv, pass, rows, first_step, end_step, stage);
  }
  stage_weights(conv, pass, first_channel, first_step, end_step, stage);
}

/// Sums of a thread for a pass.
template <typename T, int planes>
using TileSums = FragmentSums[planes][T::row_fragments][T::column_fragments];

/// Adds the products of a step.
template <typename T, typename Product, int planes>
__device__ void multiply_step(const Stage<T>& stage, int step, TileSums<T, planes>& sums,
                              FragmentSums (&ones)[planes][T::row_fragments]) {
  // Of the four matrices that are read at once, this lane names a row of one.
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  const int matrix = lane / 8;
  constexpr int half = step_words / 2;
  uint2 weights[T::column_fragments];
#pragma unroll
  for (int c = 0; c < T::column_fragments; c += 2) {
    const int column = T::first_column() + 8 * c + matrix / 2 * 8 + lane % 8;
    const uint4 two =
        load_matrices(&stage.weights[step][column][swizzled(lane % 8, matrix % 2 * half)]);
    weights[c] = make_uint2(two.x, two.y);
    weights[c + 1] = make_uint2(two.z, two.w);
  }
  InputFragment inputs[planes][T::row_fragments];
#pragma unroll
  for (int j = 0; j < planes; ++j) {
#pragma unroll
    for (int r = 0; r < T::row_fragments; ++r) {
      const int row = T::first_row() + 16 * r + matrix % 2 * 8 + lane % 8;
      const uint4 four =
          load_matrices(&stage.inputs[step][j][row][swizzled(lane % 8, matrix / 2 * half)]);
      inputs[j][r] = {{four.x, four.y, four.z, four.w}};
    }
  }
#pragma unroll 1  // all slices at once have no room in registers
  for (int slice = 0; slice < Product::slices; ++slice) {
    uint2 sliced[T::column_fragments];
#pragma unroll
    for (int c = 0; c < T::column_fragments; ++c) {
      sliced[c] = Product::weights(weights[c], slice);
    }
#pragma unroll
    for (int j = 0; j < planes; ++j) {
#pragma unroll
      for (int r = 0; r < T::row_fragments; ++r) {
        const InputFragment input = Product::inputs(inputs[j][r], slice);
#pragma unroll
        for (int c = 0; c < T::column_fragments; ++c) {
          Product::multiply(sums[j][r][c], input, sliced[c]);
        }
        if constexpr (Product::counts_inputs) {
          Product::multiply(ones[j][r], input, make_uint2(~0U, ~0U));
        }
      }
    }
  }
}

/// Calls visit(row, column, fragment r, fragment c, index) for the places of the block's tile whose
/// sums a thread has, two neighbouring columns after one another.
template <typename T, typename Visit>
__device__ void for_each_pair(Visit&& visit) {
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
#pragma unroll
  for (int c = 0; c < T::column_fragments; ++c) {
#pragma unroll
    for (int r = 0; r < T::row_fragments; ++r) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        visit(T::first_row() + 16 * r + 8 * half + lane / 4,
              T::first_column() + 8 * c + lane % 4 * 2, r, c, 2 * half);
      }
    }
  }
}

}  // namespace lq::kernels::cuda
