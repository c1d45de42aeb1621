// How far a sliding window (convolution, pooling) reaches over the border.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "core/error.h"

namespace lq::kernels {

enum class PaddingKind : unsigned char { same, valid, explicit_sides };

/// Padding of a height x width plane as a network asks for it; `resolve` turns it into numbers.
struct Padding {
  PaddingKind kind = PaddingKind::same;
  /// Rows and columns outside the plane; only for explicit_sides.
  std::int64_t top = 0;
  std::int64_t bottom = 0;
  std::int64_t left = 0;
  std::int64_t right = 0;

  /// TensorFlow's SAME: ceil(extent / stride) windows. The padding that this takes is split evenly;
  /// an odd one goes after, so that stride 2 is asymmetric (spec section 3).
  static constexpr Padding same() { return {}; }
  /// Windows inside the plane only.
  static constexpr Padding valid() { return {PaddingKind::valid, 0, 0, 0, 0}; }
  static constexpr Padding explicit_sides(std::int64_t top, std::int64_t bottom, std::int64_t left,
                                          std::int64_t right) {
    return {PaddingKind::explicit_sides, top, bottom, left, right};
  }

  friend bool operator==(const Padding&, const Padding&) = default;
};

enum class PlaneAxis : unsigned char { height, width };

/// The padding of one axis. Window `o` covers positions [o * stride - before, ... + kernel) of it.
struct AxisPadding {
  std::int64_t before = 0;
  std::int64_t after = 0;
  std::int64_t out = 0;  // number of windows, at least 1

  friend bool operator==(const AxisPadding&, const AxisPadding&) = default;
};

/// Padding and number of windows along `axis`, whose extent is `in`. Throws Error naming
/// `operation` unless in, kernel and stride are at least 1, explicit sides are not negative and
/// at least one window fits.
inline AxisPadding resolve(std::string_view operation, const Padding& padding, PlaneAxis axis,
                           std::int64_t in, std::int64_t kernel, std::int64_t stride) {
  const std::string_view axis_name = axis == PlaneAxis::height ? "height" : "width";
  check(in >= 1 && kernel >= 1 && stride >= 1,
        "{}: {} {} with kernel {} and stride {}, expected 1 or more each", operation, axis_name, in,
        kernel, stride);
  if (padding.kind == PaddingKind::same) {
    const std::int64_t out = (in + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>((out - 1) * stride + kernel - in, 0);
    return {total / 2, total - total / 2, out};
  }
  AxisPadding resolved;
  if (padding.kind == PaddingKind::explicit_sides) {
    resolved.before = axis == PlaneAxis::height ? padding.top : padding.left;
    resolved.after = axis == PlaneAxis::height ? padding.bottom : padding.right;
    check(resolved.before >= 0 && resolved.after >= 0,
          "{}: {} padding {} and {}, expected 0 or more", operation, axis_name, resolved.before,
          resolved.after);
  }
  const std::int64_t slack = in + resolved.before + resolved.after - kernel;
  check(slack >= 0, "{}: kernel {} does not fit into {} {} with padding {} and {}", operation,
        kernel, axis_name, in, resolved.before, resolved.after);
  resolved.out = slack / stride + 1;
  return resolved;
}

}  // namespace lq::kernels
