// The basis that the levels of a table are sums of.
#pragma once

#include <optional>
#include <vector>

#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// R x K elements v, so that each level is the sum over the bits of its code of v_j times 1 for a
/// set bit, and 0 (zero_one) or -1 (minus_plus_one) for a clear one. Nothing when the levels are no
/// such sums but for float rounding, or when a code occurs twice. The table lies on the host.
std::optional<std::vector<float>> level_basis(const LevelTableView& table, CodeAlphabet alphabet);

}  // namespace lq::kernels
