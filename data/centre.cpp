#include "data/centre.h"

#include <algorithm>

namespace lq {

void place_in_centre(std::span<const std::uint8_t> from, const Shape& from_shape,
                     std::span<std::uint8_t> to, const Shape& to_shape) {
  const std::int64_t channels = from_shape[2];
  const std::int64_t top = (to_shape[0] - from_shape[0]) / 2;
  const std::int64_t left = (to_shape[1] - from_shape[1]) / 2;
  const std::int64_t row = from_shape[1] * channels;
  for (std::int64_t h = 0; h < from_shape[0]; ++h) {
    std::ranges::copy(from.subspan(h * row, row),
                      to.begin() + ((top + h) * to_shape[1] + left) * channels);
  }
}

}  // namespace lq
