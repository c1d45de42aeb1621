// Bit-planes of symbols without the symbols themselves, as kernels write them.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/bitconv/bitconv.h"

namespace lq::kernels::bitconv {

/// planes x symbols, 0 or all ones: whether a plane's bit is set in the first symbol, and whether
/// it flips at each of the thresholds that follow. Thresholds ascend, so that a plane's bit is the
/// exclusive or of the flips at those that a value lies above.
inline std::vector<std::uint32_t> plane_flips(const BitconvSymbolOutput& output) {
  std::vector<std::uint32_t> flips;
  for (int plane = 0; plane < output.planes; ++plane) {
    std::uint8_t before = 0;
    for (const std::uint8_t symbol : output.symbols) {
      flips.push_back((((before ^ symbol) >> plane) & 1) != 0 ? ~0U : 0U);
      before = symbol;
    }
  }
  return flips;
}

}  // namespace lq::kernels::bitconv
