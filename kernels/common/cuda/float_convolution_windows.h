// What the passes of a convolution have in common. For *.cu files.
#pragma once

#include "kernels/common/conv2d_geometry.h"
#include "kernels/common/cuda/float_gemm_windows.h"

namespace lq::kernels::cuda {

inline std::int64_t filter_values(const Conv2dGeometry& g) {
  return g.kernel_h * g.kernel_w * (g.c_in / g.groups);
}

/// Throws Error unless kernels can number pixels, products of a sum, and the values of an image
/// with a window around it, in 32 bits.
inline void check_indices(std::string_view operation, const Conv2dGeometry& g) {
  for (const std::int64_t extent :
       {g.n * g.h * g.w, g.n * g.out_h * g.out_w, (g.h + g.kernel_h) * (g.w + g.kernel_w) * g.c_in,
        (g.out_h + g.kernel_h) * (g.out_w + g.kernel_w) * g.c_out, filter_values(g),
        g.kernel_h * g.kernel_w * (g.c_out / g.groups)}) {
    index_extent(operation, extent);
  }
}

/// The windows of x that the filters are laid on, one per output pixel.
inline MapWindows windows_of_filter(const Conv2dGeometry& g, const float* x) {
  return {.map = x,
          .height = static_cast<int>(g.h),
          .width = static_cast<int>(g.w),
          .channels = static_cast<int>(g.c_in),
          .group_channels = static_cast<int>(g.c_in / g.groups),
          .pixels = static_cast<int>(g.n * g.out_h * g.out_w),
          .window_values = static_cast<int>(filter_values(g)),
          .grid_rows = Divider(g.out_h),
          .grid_columns = Divider(g.out_w),
          .step_h = static_cast<int>(g.stride_h),
          .step_w = static_cast<int>(g.stride_w),
          .first_h = static_cast<int>(-g.pad_top),
          .first_w = static_cast<int>(-g.pad_left),
          .taps_w = Divider(g.kernel_w),
          .channels_of_tap = Divider(g.c_in / g.groups),
          .tap_h = 1,
          .tap_w = 1};
}

}  // namespace lq::kernels::cuda
