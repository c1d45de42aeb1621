// The extents of a two-dimensional convolution. Letters as in conv2d/conv2d.h.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "core/shape.h"
#include "kernels/common/padding.h"

namespace lq::kernels {

struct Conv2dOptions {
  std::int64_t stride_h = 1;
  std::int64_t stride_w = 1;
  Padding padding = Padding::same();
  std::int64_t groups = 1;
};

/// A convolution with all its extents known.
struct Conv2dGeometry {
  std::int64_t n = 0, h = 0, w = 0;
  std::int64_t c_in = 0, c_out = 0;
  std::int64_t kernel_h = 0, kernel_w = 0;
  std::int64_t out_h = 0, out_w = 0;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
  std::int64_t groups = 1;

  Shape x_shape() const { return {n, h, w, c_in}; }
  Shape weight_shape() const { return {c_out, kernel_h, kernel_w, c_in / groups}; }
  Shape bias_shape() const { return {c_out}; }
  Shape y_shape() const { return {n, out_h, out_w, c_out}; }
  /// "2x32x32x16 * 16x3x3x16, stride 1x1, padding 1,1,1,1 (top, bottom, left, right), groups 1".
  std::string to_string() const;

  /// Any total order: geometries are keys of caches.
  friend auto operator<=>(const Conv2dGeometry&, const Conv2dGeometry&) = default;
};

/// Throws Error, naming what was given, unless x is N H W C and weight O R S C/G with all extents
/// at least 1, C and O are divisible by the groups, and the kernel fits the padded map.
Conv2dGeometry conv2d_geometry(const Shape& x, const Shape& weight, const Conv2dOptions& options);

}  // namespace lq::kernels
