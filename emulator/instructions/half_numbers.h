// Numbers of 16 bits, for handlers of whole warps: binary16 (f16) and bfloat16 (bf16), single and
// in pairs. For files that are compiled once per instruction set.
#pragma once

#include "emulator/instructions/lane_loops.h"

namespace lq::emulator::LQNET_ISA {
namespace {

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

template <int fraction, int bias>
double widen_16(u16 a) {
  const u64 sign = u64{a} >> 15 << 63;
  const int exponent = (a & 0x7FFF) >> fraction;
  const u64 significand = a & ((1U << fraction) - 1);
  if (exponent == 2 * bias + 1) {
    return __builtin_bit_cast(double, sign | u64{0x7FF} << 52 | significand << (52 - fraction));
  }
  const double magnitude =
      exponent == 0
          ? static_cast<double>(significand) *
                __builtin_bit_cast(double, static_cast<u64>(1023 + 1 - bias - fraction) << 52)
          : __builtin_bit_cast(double, static_cast<u64>(exponent - bias + 1023) << 52 |
                                           significand << (52 - fraction));
  return __builtin_bit_cast(double, __builtin_bit_cast(u64, magnitude) | sign);
}

struct Binary16 {
  static double widen(u16 a) { return widen_16<10, 15>(a); }
  static u16 round(double a) { return round_to_16<10, 15>(a); }
};
struct Bfloat16 {
  static double widen(u16 a) { return widen_16<7, 127>(a); }
  static u16 round(double a) { return round_to_16<7, 127>(a); }
};

template <typename F>
bool is_nan(u16 a) {
  return F::widen(a) != F::widen(a);
}
/// Both halves of a pair.
template <auto function>
struct Pair;
template <typename... A, u16 (*function)(A...)>
struct Pair<function> {
  template <typename>
  using Word = u32;
  static u32 run(Word<A>... a) {
    return u32{function(static_cast<u16>(a >> 16)...)} << 16 | function(static_cast<u16>(a)...);
  }
};
template <auto function>
constexpr auto pair = Pair<function>::run;

}  // namespace
}  // namespace lq::emulator::LQNET_ISA
