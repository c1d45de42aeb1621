#include "autograd/code_planes.h"

#include <bit>

#include "core/packed_layout.h"
#include "kernels/common/bitpack/bitpack.h"

namespace lq::autograd {

bool has_packed_codes(const LevelTable& table) {
  return table.levels.shape()[1] <= 1 << kernels::max_packed_bits;
}

Tensor room_for_codes(const LevelTable& table, const Shape& values) {
  const int planes = std::countr_zero(static_cast<std::uint64_t>(table.levels.shape()[1]));
  const std::int64_t channels = values[-1];
  return Tensor({planes, values.elements() / channels, packed::words(channels)}, DType::i32,
                table.levels.device());
}

}  // namespace lq::autograd
