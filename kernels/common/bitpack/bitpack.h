// Values that are levels of a quantizer, as bit-planes of their codes, and back.
//
// P pixels of C channels each; a code has K = 1 to 4 bits, so that the table has 2^K levels in one
// row. Planes are K x P x ceil(C/32) words in the layout of packed_layout.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// Most bits of a code that is packed.
inline constexpr int max_packed_bits = 4;

/// planes = codes of the values x, P x C: the code of a level is that of its position in the
/// table. (A value between two levels has the code of the lower one, a value below all that of the
/// lowest; NaN likewise.) Among equal levels the last one counts.
using BitpackForward = void(Stream& stream, ConstView<float> x, const LevelTableView& table,
                            View<std::int32_t> planes);

/// x = levels of the codes: exactly the values that were packed, if they were levels.
using BitpackInverse = void(Stream& stream, ConstView<std::int32_t> planes,
                            const LevelTableView& table, View<float> x);

/// Check of public calls that write planes besides: whether the view is K x P x ceil(C/32) for
/// these values, P x C, and a table of one row. Throws Error naming `operation`.
void check_code_planes(std::string_view operation, const Stream& stream,
                       const LevelTableView& table, const Shape& values,
                       const ConstView<std::int32_t>& planes);

/// P x C of so many values, for planes of P pixels.
inline Shape pixels_of_planes(std::int64_t values, const ConstView<std::int32_t>& planes) {
  const bool fits =
      planes.shape.rank() == 3 && planes.shape[1] > 0 && values % planes.shape[1] == 0;
  return fits ? Shape{planes.shape[1], values / planes.shape[1]} : Shape{values, 1};
}

/// The public calls throw Error when views do not fit one another.
BitpackForward bitpack_forward;
BitpackInverse bitpack_inverse;

namespace reference {
BitpackForward bitpack_forward;
BitpackInverse bitpack_inverse;
}  // namespace reference

namespace cpu {
BitpackForward bitpack_forward;
BitpackInverse bitpack_inverse;
}  // namespace cpu

namespace cuda {
BitpackForward bitpack_forward;
BitpackInverse bitpack_inverse;
}  // namespace cuda

}  // namespace lq::kernels
