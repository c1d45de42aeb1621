// Numbers of 16 bits, for handlers of whole warps: binary16 (f16) and bfloat16 (bf16), single and
// in pairs. For files that are compiled once per instruction set.
#pragma once

#include "emulator/instructions/lane_loops.h"
#include "emulator/instructions/narrow_floats.h"

namespace lq::emulator::LQNET_ISA {
namespace {

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
