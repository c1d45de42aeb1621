// What every quantizer boils down to for the kernels: sorted levels and the thresholds between.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/stream.h"
#include "core/view.h"

namespace lq::kernels {

/// Most basis elements of a quantizer: a code is one byte.
inline constexpr int max_bits = 8;

/// Alphabet of the bits of a code (spec section 1): {0,1} for activations, {-1,+1} for weights
/// (a clear bit means -1).
enum class CodeAlphabet : unsigned char { zero_one, minus_plus_one };

/// Table of R quantizers with L = 2^K levels each: R = 1 for a whole tensor, R = output channels
/// for weights. A value x gets position i = #{l : x > thresholds[l]} (strict: x equal to a
/// threshold stays below it), hence levels[i] and codes[i]. Position is not code: a basis with a
/// negative or non-monotone element permutes them.
struct LevelTableView {
  ConstView<float> levels;        // R x L, ascending
  ConstView<float> thresholds;    // R x (L-1), ascending: midpoints for learned bases
  ConstView<std::uint8_t> codes;  // R x L: bit j belongs to basis element v_j
  ConstView<float> pass_range;    // R x 2: the straight-through gradient passes where
                                  // low < x <= high (either may be infinite)

  explicit operator bool() const { return static_cast<bool>(levels); }
  std::int64_t rows() const { return levels.shape[0]; }
  std::int64_t size() const { return levels.shape[1]; }
};

/// What QEM needs of the data (spec section 2.1), gathered while levels are assigned. Absent
/// views are not computed.
struct LevelStatistics {
  View<std::int64_t> counts;  // R x L: number of values at each position
  View<double> sums;          // R x L: their sum
  /// 1 element, set to 1 when any value is NaN or infinite (or their sum overflows), else 0.
  View<std::int32_t> non_finite;
};

/// Checks of public calls: whether all views of a table of `rows` rows are there, fit each other
/// and lie on the stream's device, and the same for those of the statistics that are wanted. Throw
/// Error naming `operation`.
void check_level_table(std::string_view operation, const Stream& stream,
                       const LevelTableView& table, std::int64_t rows);
void check_level_statistics(std::string_view operation, const Stream& stream,
                            const LevelTableView& table, const LevelStatistics& statistics);

}  // namespace lq::kernels
