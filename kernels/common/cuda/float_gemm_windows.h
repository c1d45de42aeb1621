// Operands of float_gemm.h that are gathered from the windows of a map: im2col without the columns.
// For *.cu files.
#pragma once

#include <bit>

#include "kernels/common/cuda/float_gemm_sources.h"

namespace lq::kernels::cuda {

/// Windows that slide over a map, one for each pixel of a grid. The values in a window are
/// numbered tap by tap, channels of the group fastest.
struct MapWindows {
  const float* map;
  int height, width, channels;
  int group_channels;
  int pixels, window_values;  // of the whole grid, of a window
  Divider grid_rows, grid_columns;
  int step_h, step_w;    // in the map, from pixel to pixel
  int first_h, first_w;  // where the window of the first pixel begins
  Divider taps_w, channels_of_tap;
  int tap_h, tap_w;  // in the map, from tap to tap

  /// Added to anything on a map, it leads out of it.
  static constexpr int outside = -(1 << 29);

  /// Where a window begins, which may be outside of the map.
  struct alignas(16) Window {
    const float* first;
    int row, column;

    /// In one access, which members by themselves would not be.
    __device__ void store(Window& to) const {
      reinterpret_cast<int4&>(to) = std::bit_cast<int4>(*this);
    }
  };

  /// A value, relative to its window.
  struct Value {
    int offset;
    int row, column;
  };

  __device__ Window window(int pixel, int group) const {
    if (pixel >= pixels) return {map, outside, outside};
    int row, column;
    const std::int64_t image = grid_rows.split(grid_columns.split(pixel, column), row);
    row = row * step_h + first_h;
    column = column * step_w + first_w;
    return {map + (((image * height + row) * width + column) * channels + group * group_channels),
            row, column};
  }

  __device__ Value value(int number) const {
    if (number >= window_values) return {0, outside, outside};
    int channel, column;
    int row = taps_w.split(channels_of_tap.split(number, channel), column);
    row *= tap_h;
    column *= tap_w;
    return {(row * width + column) * channels + channel, row, column};
  }

  template <int values>
  __device__ Pack<float, values> load(const Window& window, const Value& value) const {
    const auto row = static_cast<unsigned>(window.row + value.row);
    const auto column = static_cast<unsigned>(window.column + value.column);
    const bool inside =
        row < static_cast<unsigned>(height) && column < static_cast<unsigned>(width);
    return load_or_zero<values>(window.first + value.offset, inside);
  }
};

/// Lines are pixels, k is the number of a value. The windows of the block's pixels are tabulated.
template <int extent, int width, int threads>
class WindowRows {
 public:
  struct Shared {
    MapWindows::Window windows[extent];
  };

  __device__ WindowRows(const MapWindows& windows, Shared& shared, int group, int first_line)
      : windows_(windows), shared_(shared) {
    for (int line = static_cast<int>(threadIdx.x); line < extent; line += threads) {
      windows.window(first_line + line, group).store(shared.windows[line]);
    }
  }
  __device__ void prepare(int /*tile*/) {}
  __device__ void load(int tile) {
    const MapWindows::Value value = windows_.value(tile * gemm_depth + share_.k());
#pragma unroll
    for (int pass = 0; pass < share_.passes; ++pass) {
      share_.values[pass] = windows_.load<width>(shared_.windows[share_.line(pass)], value);
    }
  }
  __device__ void store(StagedOperand<extent>& staged) const { share_.store(staged); }

 private:
  const MapWindows& windows_;
  const Shared& shared_;
  AlongDepth<extent, width, threads> share_;
};

/// Lines are the numbers of values, k is the pixel. The windows of two tiles' pixels are tabulated.
template <int extent, int width, int threads>
class WindowValues {
 public:
  struct Shared {
    MapWindows::Window windows[2][gemm_depth];
  };

  __device__ WindowValues(const MapWindows& windows, Shared& shared, int group, int first_line)
      : windows_(windows), shared_(shared), group_(group) {
#pragma unroll
    for (int i = 0; i < share_.lines_of_thread; ++i) {
      values_[i] = windows.value(first_line + share_.line(i));
    }
  }
  /// Takes the place of the table of two tiles before, which nobody reads any more.
  __device__ void prepare(int tile) {
    const auto k = static_cast<int>(threadIdx.x);
    if (k < gemm_depth) {
      windows_.window(tile * gemm_depth + k, group_).store(shared_.windows[tile % 2][k]);
    }
  }
  __device__ void load(int tile) {
#pragma unroll
    for (int pass = 0; pass < share_.passes; ++pass) {
      const MapWindows::Window window = shared_.windows[tile % 2][share_.k(pass)];
#pragma unroll
      for (int i = 0; i < share_.lines_of_thread; ++i) {
        share_.values[pass][i] = windows_.load<width>(window, values_[i]);
      }
    }
  }
  __device__ void store(StagedOperand<extent>& staged) const { share_.store(staged); }

 private:
  const MapWindows& windows_;
  Shared& shared_;
  int group_;
  MapWindows::Value values_[AlongLines<extent, width, threads>::lines_of_thread];
  AlongLines<extent, width, threads> share_;
};

}  // namespace lq::kernels::cuda
