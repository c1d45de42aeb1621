// Quantization to a table of levels, with a straight-through gradient.
#pragma once

#include "autograd/level_table.h"
#include "autograd/variable.h"

namespace lq::autograd {

/// Every value of x is replaced by its level (see kernels::LevelTableView). A table of R > 1 rows
/// needs x with R as its outermost extent, one row for each slice (OHWI weights: one quantizer per
/// output channel); a table of one row serves the whole tensor.
/// Backward, straight-through (spec section 2.5): the gradient passes unchanged within the table's
/// pass range and is 0 outside. Saved: x and pass_range; nothing when `identity_gradient` says
/// that the range is unbounded (weights), and then the gradient is handed on without a copy.
/// The result knows the table (Variable::levels()), and with `packs_codes` its codes where they can
/// be packed (Variable::codes()), which are made in the same pass. Recorded as "quantize" with
/// `extra` attributes and constants levels, thresholds, codes. `statistics` may be null.
Variable quantize(const Variable& x, const LevelTable& table, LevelStatistics* statistics,
                  bool identity_gradient, Attributes extra = {}, bool packs_codes = false);

}  // namespace lq::autograd
