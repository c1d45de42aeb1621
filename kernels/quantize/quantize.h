// Assignment of values to the levels of a quantizer, and its straight-through backward.
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "kernels/common/gradient_mode.h"
#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// x is R rows of n values, each row with its own row of the table (R = 1: one table for the
/// whole tensor; R = output channels for OHWI weights). y[r][i] = levels[r][position of x[r][i]],
/// exact copies of the levels. x and y must not overlap; their shapes are R x n.
/// `statistics` views may be absent. NaN is placed at position 0 and infinities at the ends, but
/// then statistics.non_finite is 1 and counts and sums mean nothing.
/// `planes` gets the codes of y as bitpack_forward() (bitpack.h) packs them, if it is there, for
/// n = P pixels of C channels and one row.
/// One pass over memory; scratch is O(2^K) per chunk of work.
using QuantizeForward = void(Stream& stream, ConstView<float> x, const LevelTableView& table,
                             View<float> y, const LevelStatistics& statistics,
                             View<std::int32_t> planes);

/// Straight-through estimator (spec section 2.5): grad_x (+)= grad_y where
/// pass_range.low < x <= pass_range.high of the row, else 0. Shapes R x n; in overwrite mode
/// grad_x may alias grad_y.
using QuantizeBackward = void(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                              ConstView<float> pass_range, View<float> grad_x, GradientMode mode);

QuantizeForward quantize_forward;
QuantizeBackward quantize_backward;

namespace reference {
QuantizeForward quantize_forward;
QuantizeBackward quantize_backward;
}  // namespace reference

namespace cpu {
QuantizeForward quantize_forward;
QuantizeBackward quantize_backward;
}  // namespace cpu

namespace cuda {
QuantizeForward quantize_forward;
QuantizeBackward quantize_backward;
}  // namespace cuda

}  // namespace lq::kernels
