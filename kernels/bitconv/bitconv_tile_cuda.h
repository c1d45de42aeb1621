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

/// A tile's extents as constants, and the part of a warp. Of the pipeline, the rows of weights of a
/// step, and the threads that copy.
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
  static constexpr int value_pitch = extents.value_pitch();
  static constexpr int finished_at_once = extents.finished_at_once();

  static constexpr int weight_rows = columns;
  /// Every thread copies.
  static constexpr int copying_threads = threads;
  static __device__ int copying_thread() { return static_cast<int>(threadIdx.x); }

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

/// Of the output pixels from `first_pixel` on; thread `thread` of `threads` makes its share.
template <typename T>
__device__ void make_tile_rows(const DeviceConvolution& conv, std::int64_t first_pixel,
                               TileRow* rows, int thread, int threads) {
  for (int row = thread; row < T::rows; row += threads) {
    const std::int64_t pixel = first_pixel + row;
    OutputPixel place(conv, pixel < conv.pixels ? pixel : 0);
    if (pixel >= conv.pixels) place.top = conv.h;  // all of its window is outside
    rows[row] =
        make_int4(place.top, place.left, (place.n * conv.h + place.top) * conv.w + place.left, 0);
  }
}

/// Shared memory of a stage. The words of a row lie where swizzled() says.
template <typename T>
struct alignas(16) Stage {
  std::uint32_t inputs[stage_steps][most_planes][T::rows][step_words];
  std::uint32_t weights[stage_steps][T::weight_rows][step_words];
};

/// Queues the copies of the inputs of a stage, from `first_step` on. A thread has the same place of
/// several rows, so that it finds out once where in the window that is; neighbours have
/// neighbouring places of a step, which lie in different banks.
template <typename T, typename Product, int planes, int copy_words>
__device__ void stage_inputs(const DeviceConvolution& conv, const Pass& pass, const TileRow* rows,
                             int first_step, int end_step, Stage<T>& stage) {
  constexpr int step_pieces = step_words / copy_words;
  constexpr int rows_at_once = rows_copied_at_once(T::copying_threads, copy_words);
  static_assert(rows_at_once % 8 == 0);  // so that all rows of a thread are swizzled alike
  const DeviceSegment& segment = pass.segment;
  const int thread = T::copying_thread();
  const int step = thread / (T::copying_threads / stage_steps);
  const int place = thread % step_pieces * copy_words;
  const int first_row = thread / step_pieces % rows_at_once;
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

/// The weights of a step of a pass, of the output channels from `first_channel` on, as they lie in
/// a stage.
__device__ inline const std::uint32_t* step_weights(const DeviceConvolution& conv, const Pass& pass,
                                                    int first_channel, int step) {
  const DeviceSegment& segment = pass.segment;
  const std::int64_t row =
      static_cast<std::int64_t>(step * segment.weight_bits + pass.weight_plane) *
          conv.outputs_pitch +
      first_channel;
  return static_cast<const std::uint32_t*>(segment.weights) + row * step_words;
}

template <typename T>
__device__ void stage_weights(const DeviceConvolution& conv, const Pass& pass, int first_channel,
                              int first_step, int end_step, Stage<T>& stage) {
  constexpr int copy_words = 4;
  constexpr int pieces = T::columns * step_words / copy_words;
#pragma unroll
  for (int first = 0; first < stage_steps * pieces; first += T::threads) {
    const int piece = first + static_cast<int>(threadIdx.x);
    if (stage_steps * pieces % T::threads != 0 && piece >= stage_steps * pieces) break;
    const int step = piece / pieces;
    const int word = piece % pieces * copy_words;
    if (first_step + step >= end_step) break;
    copy_async<copy_words * 4>(&stage.weights[step][word / step_words][word % step_words],
                               step_weights(conv, pass, first_channel, first_step + step) + word,
                               true);
  }
}

/// With copies as long as the segment allows.
template <typename T, typename Product, int planes>
__device__ void stage_inputs(const DeviceConvolution& conv, const Pass& pass, const TileRow* rows,
                             int first_step, int end_step, Stage<T>& stage) {
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

/// The column of a thread's first sum; those of its others are fragment_columns apart.
template <typename T>
__device__ int first_pair_column() {
  return T::first_column() + static_cast<int>(threadIdx.x) % 4 * 2;
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
              first_pair_column<T>() + fragment_columns * c, r, c, 2 * half);
      }
    }
  }
}

}  // namespace lq::kernels::cuda
