// Rounding to floats of 16 bits. For files that are compiled once per instruction set: see
// kernels/common/isa_variants.h for their rules.
#pragma once

#include "emulator/instructions/integers.h"

namespace lq::emulator::LQNET_ISA {
namespace {

using namespace integers;

/// Rounds a double to a format of 16 bits with `fraction` bits of fraction and exponents of `bias`,
/// to nearest, ties to even. A double holds every value of both formats, and every sum and product
/// of two of them but for what round_to_odd() takes care of.
template <int fraction, int bias>
u16 round_to_16(double value) {
  const u64 bits = __builtin_bit_cast(u64, value);
  const u16 sign = static_cast<u16>(bits >> 48 & 0x8000);
  constexpr u16 infinity = static_cast<u16>((2 * bias + 1) << fraction);
  if (value != value) return 0x7FFF;
  int exponent = static_cast<int>(bits >> 52 & 0x7FF) - 1023;
  if (exponent > bias) return static_cast<u16>(sign | infinity);
  // Subnormal results keep fewer bits.
  const int low = 1 - bias;
  const int dropped = 52 - fraction + (exponent < low ? low - exponent : 0);
  if (dropped > 54) return sign;
  const u64 significand = (bits & ((u64{1} << 52) - 1)) | u64{1} << 52;
  const u64 half = u64{1} << (dropped - 1);
  const u64 rounded = (significand + half - 1 + (significand >> dropped & 1)) >> dropped;
  // A carry out of the fraction moves on to the exponent.
  const u64 base = exponent < low ? 0 : static_cast<u64>(exponent - low) << fraction;
  return static_cast<u16>(sign | (base + rounded));
}

}  // namespace
}  // namespace lq::emulator::LQNET_ISA
