// Levels of activations as bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "convert/quantizer_table.h"
#include "kernels/int8_grid/int8_grid.h"

namespace lq::convert {

/// How a quantizer's levels become bytes: level = scale * (byte - zero_point).
struct GridLevels {
  double scale = 1.0;
  std::uint8_t zero_point = 0;
  std::vector<std::uint8_t> bytes;  ///< by code
  bool is_exact = true;             ///< whether no level moved, but for float rounding
};

/// Bytes from 0 to kernels::grid_limit for the levels of activations, one of which stands for zero
/// whether that is a level or not (padding is zero).
GridLevels grid_levels(const UnsignedBasis& basis);

}  // namespace lq::convert
