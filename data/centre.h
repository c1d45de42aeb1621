// Small images in larger ones.
#pragma once

#include <cstdint>
#include <span>

#include "core/shape.h"

namespace lq {

/// Copies an image into the centre of a larger one, whose other pixels stay as they are; an odd
/// line that is left over goes to the bottom or the right. Shapes are H W C with equal C, and
/// `from` is not larger than `to`.
void place_in_centre(std::span<const std::uint8_t> from, const Shape& from_shape,
                     std::span<std::uint8_t> to, const Shape& to_shape);

}  // namespace lq
