// Rounding to floats of 16 bits. For files that are compiled once per instruction set: see
// kernels/common/isa_variants.h for their rules.
#pragma once

#include <cstdint>

namespace lq::emulator::LQNET_ISA {
namespace {

/// Rounds a double to a format of 16 bits with `fraction` bits of fraction and exponents of `bias`,
/// to nearest, ties to even. A double holds every value of both formats, and every sum and product
/// of two of them but for what round_to_odd() takes care of.
template <int fraction, int bias>
std::uint16_t round_to_16(double value) {
  const std::uint64_t bits = __builtin_bit_cast(std::uint64_t, value);
  const std::uint16_t sign = static_cast<std::uint16_t>(bits >> 48 & 0x8000);
  constexpr std::uint16_t infinity = static_cast<std::uint16_t>((2 * bias + 1) << fraction);
  if (value != value) return 0x7FFF;
  int exponent = static_cast<int>(bits >> 52 & 0x7FF) - 1023;
  if (exponent > bias) return static_cast<std::uint16_t>(sign | infinity);
  // Subnormal results keep fewer bits.
  const int low = 1 - bias;
  const int dropped = 52 - fraction + (exponent < low ? low - exponent : 0);
  if (dropped > 54) return sign;
  const std::uint64_t significand = (bits & ((std::uint64_t{1} << 52) - 1)) | std::uint64_t{1}
                                                                                  << 52;
  const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
  const std::uint64_t rounded = (significand + half - 1 + (significand >> dropped & 1)) >> dropped;
  // A carry out of the fraction moves on to the exponent.
  const std::uint64_t base =
      exponent < low ? 0 : static_cast<std::uint64_t>(exponent - low) << fraction;
  return static_cast<std::uint16_t>(sign | (base + rounded));
}

}  // namespace
}  // namespace lq::emulator::LQNET_ISA
