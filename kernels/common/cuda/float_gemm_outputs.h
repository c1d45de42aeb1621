// Where the sums of float_gemm.h go. A block that has made all of its sums calls write() with what
// is in its threads' registers; in shared memory there are staged_copies x gemm_depth x Tile::rows
// floats for it to use. For *.cu files.
#pragma once

#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/float_gemm.h"
#include "kernels/common/cuda/gradient.h"

namespace lq::kernels::cuda {

enum class DeliveryMode : unsigned char {
  store,
  add,            // to what is there
  add_atomically  // the same where several blocks add: in fours alone, by code for 9.0 and later
};

/// What is done with four consecutive sums.
struct Delivery {
  float* data;
  std::int64_t split_offset;  // from split to split
  DeliveryMode mode;
  bool in_fours;  // memory is aligned for it, and lines are a multiple of four

  __device__ void four(std::int64_t to, int count, Pack<float, 4> sums) const {
    float* const out = data + to;
    const bool add = mode == DeliveryMode::add;
    if (in_fours) {
#if __CUDA_ARCH__ >= 900
      if (mode == DeliveryMode::add_atomically) {
        atomicAdd(reinterpret_cast<float4*>(out),
                  make_float4(sums.values[0], sums.values[1], sums.values[2], sums.values[3]));
        return;
      }
#endif
      if (add) {
        const auto before = *reinterpret_cast<const Pack<float, 4>*>(out);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          sums.values[i] = add_gradient(before.values[i], sums.values[i]);
        }
      }
      *reinterpret_cast<Pack<float, 4>*>(out) = sums;
      return;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i < count) out[i] = add ? add_gradient(out[i], sums.values[i]) : sums.values[i];
    }
  }
};

/// Rows are the pixels of a grid on a map, columns the channels of a group.
struct PixelOutput {
  Delivery delivery;
  const float* bias;  // one number per channel, or null; the first split has it
  int height, width, channels;
  int group_channels;
  int pixels;
  Divider grid_rows, grid_columns;
  int step_h, step_w, first_h, first_w;  // of the grid on the map

  __device__ std::int64_t pixel_offset(int pixel) const {
    int row, column;
    const std::int64_t image = grid_rows.split(grid_columns.split(pixel, column), row);
    return ((image * height + row * step_h + first_h) * width + column * step_w + first_w) *
           channels;
  }

  template <typename Tile>
  __device__ void write(const ThreadSums<Tile>& sums, const ThreadPlace<Tile>& place, int group,
                        int split, int first_row, int first_column, float* /*shared*/) const {
    const bool has_bias = bias != nullptr && split == 0;
#pragma unroll
    for (int row = 0; row < Tile::thread_rows; ++row) {
      const int pixel = first_row + place.row(row / 4) + row % 4;
      if (pixel >= pixels) continue;
      const std::int64_t offset = split * delivery.split_offset + pixel_offset(pixel);
#pragma unroll
      for (int part = 0; part < place.column_parts; ++part) {
        const int column = first_column + place.column(part);
        const int channel = group * group_channels + column;
        const int count = group_channels - column;
        if (count <= 0) continue;
        Pack<float, 4> four;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          four.values[i] = sums.values[row][part * 4 + i];
          if (has_bias && i < count) four.values[i] += bias[channel + i];
        }
        delivery.four(offset + channel, count, four);
      }
    }
  }
};

/// Rows are the values of a filter, columns the filters of a group.
struct FilterOutput {
  Delivery delivery;
  int filter_values;
  int group_filters;

  template <typename Tile>
  __device__ void write(const ThreadSums<Tile>& sums, const ThreadPlace<Tile>& place, int group,
                        int split, int first_row, int first_column, float* /*shared*/) const {
#pragma unroll
    for (int column = 0; column < Tile::thread_columns; ++column) {
      const int filter = first_column + place.column(column / 4) + column % 4;
      if (filter >= group_filters) continue;
      const std::int64_t offset =
          split * delivery.split_offset +
          static_cast<std::int64_t>(group * group_filters + filter) * filter_values;
#pragma unroll
      for (int part = 0; part < place.row_parts; ++part) {
        const int row = first_row + place.row(part);
        if (row >= filter_values) continue;
        Pack<float, 4> four;
#pragma unroll
        for (int i = 0; i < 4; ++i) four.values[i] = sums.values[part * 4 + i][column];
        delivery.four(offset + row, filter_values - row, four);
      }
    }
  }
};

}  // namespace lq::kernels::cuda
