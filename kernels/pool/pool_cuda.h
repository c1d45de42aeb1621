// Where the windows of pooling lie. For pool_cuda.cu.
#pragma once

#include "kernels/common/cuda/divider.h"
#include "kernels/pool/pool.h"

namespace lq::kernels::cuda {

/// Half open.
struct PoolRange {
  int begin;
  int end;
};

/// Windows along one axis.
struct PoolAxis {
  int in;
  int out;
  int kernel;
  int before;
  Divider stride;

  __device__ int start(int window) const { return window * stride.value() - before; }
  /// The part of a window that lies on the map.
  __device__ PoolRange positions(int window) const {
    return {max(start(window), 0), min(start(window) + kernel, in)};
  }
  /// The windows that cover a position.
  __device__ PoolRange covering(int position) const {
    const int last = position + before;
    const int begin = last < kernel ? 0 : stride.quotient(last - kernel) + 1;
    return {begin, min(stride.quotient(last) + 1, out)};
  }
};

struct PoolPosition {
  int image;
  int row;
  int column;
};

/// The windows over maps of one size.
struct PoolPlane {
  PoolAxis vertical;
  PoolAxis horizontal;
  Divider in_rows, in_columns, out_rows, out_columns;
  int channels;

  PoolPlane(std::string_view operation, const Shape& x, const PoolOptions& options) {
    const PoolGeometry geometry = resolve_pool(operation, x, options);
    const auto axis = [&](std::int64_t in, const AxisPadding& padding) {
      return PoolAxis{index_extent(operation, in), index_extent(operation, padding.out),
                      index_extent(operation, options.kernel),
                      index_extent(operation, padding.before), Divider(options.stride)};
    };
    vertical = axis(x[1], geometry.height);
    horizontal = axis(x[2], geometry.width);
    in_rows = Divider(vertical.in);
    in_columns = Divider(horizontal.in);
    out_rows = Divider(vertical.out);
    out_columns = Divider(horizontal.out);
    channels = index_extent(operation, x[3]);
  }

  __device__ static PoolPosition position(int pixel, const Divider& rows, const Divider& columns) {
    PoolPosition at;
    at.image = rows.split(columns.split(pixel, at.column), at.row);
    return at;
  }
  __device__ PoolPosition input_position(int pixel) const {
    return position(pixel, in_rows, in_columns);
  }
  __device__ PoolPosition output_position(int pixel) const {
    return position(pixel, out_rows, out_columns);
  }
  __device__ std::int64_t input(int image, int row, int column) const {
    return ((static_cast<std::int64_t>(image) * vertical.in + row) * horizontal.in + column) *
           channels;
  }
  __device__ std::int64_t output(int image, int row, int column) const {
    return ((static_cast<std::int64_t>(image) * vertical.out + row) * horizontal.out + column) *
           channels;
  }
};

}  // namespace lq::kernels::cuda
