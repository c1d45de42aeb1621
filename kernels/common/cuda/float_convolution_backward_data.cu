#include "kernels/common/cuda/float_convolution.h"
#include "kernels/common/cuda/float_convolution_windows.h"
#include "kernels/common/cuda/float_gemm_launch.h"
#include "kernels/common/cuda/float_gemm_outputs.h"
#include "kernels/common/cuda/float_gemm_sources.h"
#include "kernels/common/cuda/float_gemm_splits.h"

// The gradient of x is a convolution of grad_y with some of the taps. With strides, which taps
// these are depends on the remainder of the pixel's place: each remainder has a product of its own,
// with no zero in it but at the border.

namespace lq::kernels::cuda {

namespace {

/// Rows are pixels of x, columns input channels, k the taps and output channels.
struct BackwardData {
  using RowParameters = MapWindows;
  using ColumnParameters = WeightTaps;
  using Output = PixelOutput;
  template <int extent, int width, int threads>
  using Rows = WindowRows<extent, width, threads>;
  template <int extent, int width, int threads>
  using Columns = TapsAlongLines<extent, width, threads>;
};

/// The pixels first, first + stride, ... of an axis: pixel i gets something from the taps
/// first_tap, first_tap + stride, ..., from the j-th of them at position first_out + i - j of y.
struct AxisPart {
  std::int64_t first, pixels;
  std::int64_t first_tap, taps;
  std::int64_t first_out;

  AxisPart(std::int64_t first_, std::int64_t in, std::int64_t kernel, std::int64_t stride,
           std::int64_t before)
      : first(first_),
        pixels(ceil_divide(in - first_, stride)),
        first_tap((first_ + before) % stride),
        taps(first_tap < kernel ? ceil_divide(kernel - first_tap, stride) : 0),
        first_out((first_ + before) / stride) {}
};

struct Part {
  AxisPart vertical, horizontal;

  Part(const Conv2dGeometry& g, std::int64_t row, std::int64_t column)
      : vertical(row, g.h, g.kernel_h, g.stride_h, g.pad_top),
        horizontal(column, g.w, g.kernel_w, g.stride_w, g.pad_left) {}

  GemmExtents extents(const Conv2dGeometry& g) const {
    return {g.n * vertical.pixels * horizontal.pixels, g.c_in / g.groups,
            vertical.taps * horizontal.taps * (g.c_out / g.groups), g.groups};
  }
};

MapWindows windows_of_taps(const Conv2dGeometry& g, const Part& part, const float* grad_y) {
  const GemmExtents extents = part.extents(g);
  return {.map = grad_y,
          .height = static_cast<int>(g.out_h),
          .width = static_cast<int>(g.out_w),
          .channels = static_cast<int>(g.c_out),
          .group_channels = static_cast<int>(g.c_out / g.groups),
          .pixels = static_cast<int>(extents.rows),
          .window_values = static_cast<int>(extents.depth),
          .grid_rows = Divider(part.vertical.pixels),
          .grid_columns = Divider(part.horizontal.pixels),
          .step_h = 1,
          .step_w = 1,
          .first_h = static_cast<int>(part.vertical.first_out),
          .first_w = static_cast<int>(part.horizontal.first_out),
          .taps_w = Divider(std::max<std::int64_t>(part.horizontal.taps, 1)),
          .channels_of_tap = Divider(g.c_out / g.groups),
          .tap_h = -1,
          .tap_w = -1};
}

WeightTaps weight_taps(const Conv2dGeometry& g, const Part& part, const float* weight) {
  return {.weight = weight,
          .kernel_h = static_cast<int>(g.kernel_h),
          .kernel_w = static_cast<int>(g.kernel_w),
          .group_inputs = static_cast<int>(g.c_in / g.groups),
          .depth = static_cast<int>(part.extents(g).depth),
          .group_outputs = Divider(g.c_out / g.groups),
          .taps_w = Divider(std::max<std::int64_t>(part.horizontal.taps, 1)),
          .first_r = static_cast<int>(part.vertical.first_tap),
          .first_s = static_cast<int>(part.horizontal.first_tap),
          .step_r = static_cast<int>(g.stride_h),
          .step_s = static_cast<int>(g.stride_w)};
}

PixelOutput input_pixels(const Conv2dGeometry& g, const Part& part, SplitSums& sums) {
  return {.delivery = sums.delivery(),
          .bias = nullptr,
          .height = static_cast<int>(g.h),
          .width = static_cast<int>(g.w),
          .channels = static_cast<int>(g.c_in),
          .group_channels = static_cast<int>(g.c_in / g.groups),
          .pixels = static_cast<int>(part.extents(g).rows),
          .grid_rows = Divider(part.vertical.pixels),
          .grid_columns = Divider(part.horizontal.pixels),
          .step_h = static_cast<int>(g.stride_h),
          .step_w = static_cast<int>(g.stride_w),
          .first_h = static_cast<int>(part.vertical.first),
          .first_w = static_cast<int>(part.horizontal.first)};
}

}  // namespace

void float_convolution_backward_data(std::string_view operation, Stream& stream,
                                     const Conv2dGeometry& g, const float* grad_y,
                                     const float* weight, float* grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  check_indices(operation, g);
  // All parts are split like the first, so that every pixel has as many sums.
  const GemmPlan plan(Part(g, 0, 0).extents(g));
  SplitSums sums(stream, plan.splits.count,
                 {.data = grad_x,
                  .rows = g.n * g.h * g.w,
                  .channels = g.c_in,
                  .line = g.c_in / g.groups,
                  .add = mode == GradientMode::accumulate});
  const bool in_fours =
      fit_groups(g.c_out / g.groups, grad_y) && fit_groups(g.c_in / g.groups, weight);
  for (std::int64_t row = 0; row < std::min(g.stride_h, g.h); ++row) {
    for (std::int64_t column = 0; column < std::min(g.stride_w, g.w); ++column) {
      const Part part(g, row, column);
      const GemmExtents extents = part.extents(g);
      const GemmProblem<BackwardData> problem{
          windows_of_taps(g, part, grad_y), weight_taps(g, part, weight),
          input_pixels(g, part, sums), GemmSplits::in(plan.splits.count, extents.depth)};
      launch_gemm(operation, stream, plan.tile, extents, in_fours, problem);
    }
  }
  sums.finish(operation, nullptr);
}

}  // namespace lq::kernels::cuda
