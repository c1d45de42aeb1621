// Codes of quantized values as bit-planes, beside the values.
#pragma once

#include "autograd/level_table.h"
#include "core/shape.h"

namespace lq::autograd {

/// Whether codes of the table's rows can be packed (kernels/common/bitpack/bitpack.h): 2 to 16
/// levels.
bool has_packed_codes(const LevelTable& table);

/// Room for the codes of values whose last extent are channels, of a table of one row: i32
/// K x P x ceil(C/32).
Tensor room_for_codes(const LevelTable& table, const Shape& values);

}  // namespace lq::autograd
