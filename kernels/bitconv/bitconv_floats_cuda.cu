#include "kernels/bitconv/bitconv_floats_cuda.h"

#include <algorithm>
#include <limits>

#include "kernels/common/cuda/float_gemm_launch.h"
#include "kernels/common/cuda/float_gemm_sources.h"
#include "kernels/common/cuda/float_gemm_windows.h"
#include "kernels/common/cuda/pixels.h"

namespace lq::kernels::cuda {

namespace {

/// Where a sum lies in shared memory on its way from the layout of threads to that of pixels, a row
/// each. Fours of columns trade places, so that neither the eight threads that store four columns
/// of every fourth row, nor the warp that reads a row, meets a bank twice.
template <int columns>
__device__ int place_of_sum(int row, int column) {
  return (row * columns + column) ^ (row / 4 % 8 * 4);
}

/// Rows are output pixels, columns output channels, of which the block's tile becomes packed
/// results: part by part it is laid into shared memory, where warps find 32 channels of a pixel.
struct PackedOutput {
  DeviceConvolution conv;

  template <typename Tile>
  __device__ void write(const ThreadSums<Tile>& sums, const ThreadPlace<Tile>& place, int /*group*/,
                        int /*split*/, int first_row, int first_column, float* shared) const {
    // A part is the first four rows of each thread, then the others.
    constexpr int parts = ThreadPlace<Tile>::row_parts;
    constexpr int rows = Tile::rows / parts;
    constexpr int pixels_at_once = 8;
    static_assert(rows * Tile::columns <= staged_copies * gemm_depth * Tile::rows);
    ThreadSums<Tile> left = sums;
#pragma unroll 1  // what finishes pixels is long
    for (int part = 0; part < parts; ++part) {
      lay_four_rows(left, place, shared);
      __syncthreads();
      finish_rows<rows, Tile::columns, Tile::threads, pixels_at_once>(
          conv, first_row + part * rows, first_column, [&](int row, int column) {
            // Narrow tiles fill a part of a warp's lanes.
            const bool is_there = Tile::columns % warp_threads == 0 || column < Tile::columns;
            return is_there ? shared[place_of_sum<Tile::columns>(row, column)] : 0.0F;
          });
      __syncthreads();
#pragma unroll
      for (int row = 4; row < Tile::thread_rows; ++row) {
#pragma unroll
        for (int column = 0; column < Tile::thread_columns; ++column) {
          left.values[row - 4][column] = left.values[row][column];
        }
      }
    }
  }

 private:
  template <typename Tile>
  __device__ static void lay_four_rows(const ThreadSums<Tile>& sums, const ThreadPlace<Tile>& place,
                                       float* shared) {
#pragma unroll
    for (int row = 0; row < 4; ++row) {
#pragma unroll
      for (int part = 0; part < ThreadPlace<Tile>::column_parts; ++part) {
        Pack<float, 4> four;
#pragma unroll
        for (int i = 0; i < 4; ++i) four.values[i] = sums.values[row][part * 4 + i];
        const int at = place_of_sum<Tile::columns>(place.first_row + row, place.column(part));
        *reinterpret_cast<Pack<float, 4>*>(shared + at) = four;
      }
    }
  }
};

/// Rows are output pixels, columns output channels, k the values of a window: gemm_kernel with
/// weights as direct_kernel reads them, neighbouring channels side by side, which are aligned for
/// fours whatever the inputs are.
///
/// A block owns the results of a tile and keeps all of k to itself, so that a sum is that of
/// direct_kernel: products are added in the order of the window, and places outside of the map add
/// zeros. Of what a warp does for ResNet-18's first layer, 147 values of a window, 54 % of the
/// instructions are multiply-adds: bound by arithmetic, as gemm_kernel is.
struct PackedFloats {
  using RowParameters = MapWindows;
  using ColumnParameters = GroupedMatrix;
  using Output = PackedOutput;
  template <int extent, int width, int threads>
  using Rows = WindowRows<extent, width, threads>;
  template <int extent, int /*width*/, int threads>
  using Columns = MatrixAlongLines<extent, 4, threads>;
};

std::int64_t window_values(const DeviceConvolution& conv) {
  return std::int64_t{conv.kernel_h} * conv.kernel_w * conv.segment[0].channels;
}

GemmExtents extents_of(const DeviceConvolution& conv) {
  return {conv.pixels, conv.outputs, window_values(conv), 1};
}

/// Whether kernels can number pixels, and the values of an image with a window around it.
bool can_be_counted(const DeviceConvolution& conv) {
  const std::int64_t map = (std::int64_t{conv.h} + conv.kernel_h) *
                           (std::int64_t{conv.w} + conv.kernel_w) * conv.segment[0].channels;
  return std::max({conv.pixels, map, window_values(conv)}) < -MapWindows::outside;
}

MapWindows windows_of(const DeviceConvolution& conv) {
  const DeviceSegment& segment = conv.segment[0];
  return {.map = static_cast<const float*>(segment.input),
          .height = conv.h,
          .width = conv.w,
          .channels = segment.channels,
          .group_channels = segment.channels,
          .pixels = static_cast<int>(conv.pixels),
          .window_values = static_cast<int>(window_values(conv)),
          .grid_rows = conv.by_p,
          .grid_columns = conv.by_q,
          .step_h = conv.stride_h,
          .step_w = conv.stride_w,
          .first_h = -conv.pad_top,
          .first_w = -conv.pad_left,
          .taps_w = conv.by_kernel_w,
          .channels_of_tap = Divider(segment.channels),
          .tap_h = 1,
          .tap_w = 1};
}

GroupedMatrix weights_of(const DeviceConvolution& conv) {
  return {static_cast<const float*>(conv.segment[0].weights), conv.outputs_pitch, 0,
          conv.outputs_pitch, static_cast<int>(window_values(conv))};
}

}  // namespace

std::optional<FloatTile> plan_float_tiles(const DeviceConvolution& conv, bool at_any_size) {
  // With fewer, most multiprocessors of a large device have none, and the blocks of direct_kernel,
  // eight to sixteen times as many, have the shorter walks. A guess: nobody has measured it.
  constexpr std::int64_t fewest_tiles = 64;
  const bool is_of_floats = conv.segments == 1 && conv.segment[0].arithmetic == Arithmetic::floats;
  if (!is_of_floats || !can_be_counted(conv)) return std::nullopt;
  const GemmExtents extents = extents_of(conv);
  std::optional<FloatTile> chosen;
  std::int64_t fewest_instructions = std::numeric_limits<std::int64_t>::max();
  std::int64_t tiles = 0;
  int number = 0;
  for_each_tile([&]<typename Tile>(Tile) {
    // A warp writes words of 32 channels: half of one would belong to another block.
    const bool has_words = Tile::columns % warp_threads == 0 || conv.outputs <= Tile::columns;
    const std::int64_t instructions = instructions_of<Tile>(extents);
    if (has_words && instructions < fewest_instructions) {
      fewest_instructions = instructions;
      tiles = tiles_of<Tile>(extents);
      chosen = {.number = number, .rows = Tile::rows, .columns = Tile::columns};
    }
    ++number;
  });
  return at_any_size || tiles >= fewest_tiles ? chosen : std::nullopt;
}

void run_float_tiles(Stream& stream, const DeviceConvolution& conv, const FloatTile& tile) {
  const GemmExtents extents = extents_of(conv);
  const GemmProblem<PackedFloats> problem{
      windows_of(conv), weights_of(conv), {conv}, GemmSplits::in(1, extents.depth)};
  const bool in_fours = fit_groups(conv.segment[0].channels, problem.rows.map);
  launch_gemm("bitconv", stream, tile.number, extents, in_fours, problem);
}

}  // namespace lq::kernels::cuda
