// Levels, thresholds and codes of learned bases.
#pragma once

#include "core/stream.h"
#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// Mutable counterpart of LevelTableView; all views present.
struct LevelTableOutputs {
  View<float> levels;        // R x L
  View<float> thresholds;    // R x (L-1)
  View<std::uint8_t> codes;  // R x L
  View<float> pass_range;    // R x 2
};

/// From bases (R x K, 1 <= K <= 8) to tables (spec sections 1 and 1.1): level of code e is
/// sum_j v_j e_j, with e_j = bit j mapped to the alphabet; levels are sorted ascending, equal
/// levels by code; thresholds are midpoints. Any sign and order of basis elements is allowed.
/// pass_range is (-inf, top level] for {0,1} codes and unbounded for {-1,+1} codes (section 2.5).
/// Sums are in double and rounded once. Throws Error where a basis is not finite; on a device,
/// where nobody looks at it, all levels of such a row become NaN.
using MakeLevelTable = void(Stream& stream, ConstView<float> basis, CodeAlphabet alphabet,
                            const LevelTableOutputs& table);

MakeLevelTable make_level_table;

namespace reference {
MakeLevelTable make_level_table;
}
namespace cuda {
MakeLevelTable make_level_table;
}

}  // namespace lq::kernels
