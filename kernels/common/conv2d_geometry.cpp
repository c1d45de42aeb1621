#include "kernels/common/conv2d_geometry.h"

#include <fmt/format.h>

#include "core/error.h"

namespace lq::kernels {

std::string Conv2dGeometry::to_string() const {
  return fmt::format(
      "{} * {}, stride {}x{}, padding {},{},{},{} (top, bottom, left, right), groups {}", x_shape(),
      weight_shape(), stride_h, stride_w, pad_top, pad_bottom, pad_left, pad_right, groups);
}

Conv2dGeometry conv2d_geometry(const Shape& x, const Shape& weight, const Conv2dOptions& options) {
  check(x.rank() == 4 && x.elements() > 0, "conv2d: x is {}, expected N H W C, none of them 0", x);
  check(weight.rank() == 4 && weight.elements() > 0,
        "conv2d: weight is {}, expected O R S C/G, none of them 0", weight);
  const std::int64_t groups = options.groups;
  check(groups >= 1 && x[3] % groups == 0 && weight[0] % groups == 0,
        "conv2d: {} groups for {} input and {} output channels, expected a common divisor", groups,
        x[3], weight[0]);
  check(weight[3] == x[3] / groups,
        "conv2d: weight {} reads {} input channels per group, but x {} has {} (groups {})", weight,
        weight[3], x, x[3] / groups, groups);
  const AxisPadding vertical =
      resolve("conv2d", options.padding, PlaneAxis::height, x[1], weight[1], options.stride_h);
  const AxisPadding horizontal =
      resolve("conv2d", options.padding, PlaneAxis::width, x[2], weight[2], options.stride_w);

  Conv2dGeometry geometry;
  geometry.n = x[0];
  geometry.h = x[1];
  geometry.w = x[2];
  geometry.c_in = x[3];
  geometry.c_out = weight[0];
  geometry.kernel_h = weight[1];
  geometry.kernel_w = weight[2];
  geometry.out_h = vertical.out;
  geometry.out_w = horizontal.out;
  geometry.stride_h = options.stride_h;
  geometry.stride_w = options.stride_w;
  geometry.pad_top = vertical.before;
  geometry.pad_bottom = vertical.after;
  geometry.pad_left = horizontal.before;
  geometry.pad_right = horizontal.after;
  geometry.groups = groups;
  return geometry;
}

}  // namespace lq::kernels
