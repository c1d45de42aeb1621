// Integer arithmetic: "Integer Arithmetic Instructions" of the PTX ISA.

#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/integer_ranges.h"
#include "emulator/instructions/lane_loops.h"

namespace lq::emulator::LQNET_ISA {
namespace {

__extension__ using u128 = unsigned __int128;
__extension__ using s128 = __int128;

// Twice the width, for high halves of products.
template <typename T>
struct Wide;
template <>
struct Wide<u16> {
  using Type = u32;
};
template <>
struct Wide<s16> {
  using Type = s32;
};
template <>
struct Wide<u32> {
  using Type = u64;
};
template <>
struct Wide<s32> {
  using Type = s64;
};
template <>
struct Wide<u64> {
  using Type = u128;
};
template <>
struct Wide<s64> {
  using Type = s128;
};
template <typename T>
using WideOf = typename Wide<T>::Type;

template <typename T>
constexpr int bits = 8 * sizeof(T);

// Sums and products wrap around: they are formed without sign.
template <typename T>
T add(T a, T b) {
  return static_cast<T>(static_cast<u64>(a) + static_cast<u64>(b));
}
template <typename T>
T sub(T a, T b) {
  return static_cast<T>(static_cast<u64>(a) - static_cast<u64>(b));
}
template <typename T>
T mul_lo(T a, T b) {
  return static_cast<T>(static_cast<u64>(a) * static_cast<u64>(b));
}
template <typename T>
T mul_hi(T a, T b) {
  return static_cast<T>((static_cast<WideOf<T>>(a) * static_cast<WideOf<T>>(b)) >> bits<T>);
}
template <typename T>
WideOf<T> mul_wide(T a, T b) {
  return static_cast<WideOf<T>>(a) * static_cast<WideOf<T>>(b);
}
template <typename T>
T mad_lo(T a, T b, T c) {
  return add(mul_lo(a, b), c);
}
template <typename T>
T mad_hi(T a, T b, T c) {
  return add(mul_hi(a, b), c);
}
template <typename T>
WideOf<T> mad_wide(T a, T b, WideOf<T> c) {
  return add(mul_wide(a, b), c);
}

s32 saturated(s64 value) {
  constexpr s64 low = -(s64{1} << 31);
  constexpr s64 high = (s64{1} << 31) - 1;
  return static_cast<s32>(value < low ? low : value > high ? high : value);
}
s32 add_saturated(s32 a, s32 b) { return saturated(s64{a} + b); }
s32 sub_saturated(s32 a, s32 b) { return saturated(s64{a} - b); }
s32 mad_hi_saturated(s32 a, s32 b, s32 c) { return saturated(s64{mul_hi(a, b)} + c); }

// Division by zero is not defined by PTX; devices return all ones, and the dividend as remainder.
template <typename T>
T div(T a, T b) {
  if (b == 0) return static_cast<T>(-1);
  if (is_signed<T> && a == lowest<T> && b == static_cast<T>(-1)) return a;
  return static_cast<T>(a / b);
}
template <typename T>
T rem(T a, T b) {
  if (b == 0) return a;
  if (is_signed<T> && b == static_cast<T>(-1)) return 0;
  return static_cast<T>(a % b);
}

template <typename T>
T min(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
T max(T a, T b) {
  return a < b ? b : a;
}
template <typename T>
T neg(T a) {
  return static_cast<T>(0 - static_cast<u64>(a));
}
template <typename T>
T abs(T a) {
  return a < 0 ? neg(a) : a;
}
template <typename T>
T sad(T a, T b, T c) {
  return add(c, a < b ? sub(b, a) : sub(a, b));
}

// The low 24 bits of the operands, with their sign.
s64 product24(s32 a, s32 b) {
  return s64{static_cast<s32>(static_cast<u32>(a) << 8) >> 8} *
         (static_cast<s32>(static_cast<u32>(b) << 8) >> 8);
}
u64 product24(u32 a, u32 b) { return u64{a & 0xFFFFFF} * (b & 0xFFFFFF); }
template <typename T>
T mul24_lo(T a, T b) {
  return static_cast<T>(product24(a, b));
}
template <typename T>
T mul24_hi(T a, T b) {
  return static_cast<T>(product24(a, b) >> 16);
}
template <typename T>
T mad24_lo(T a, T b, T c) {
  return add(mul24_lo(a, b), c);
}

template <typename T>
T mad24_hi(T a, T b, T c) {
  return add(mul24_hi(a, b), c);
}
s32 mad24_hi_saturated(s32 a, s32 b, s32 c) { return saturated(s64{mul24_hi(a, b)} + c); }

// Dot products of four bytes, each with or without sign.
template <bool a_signed, bool b_signed>
u32 dp4a(u32 a, u32 b, u32 c) {
  for (int i = 0; i < 32; i += 8) {
    const u32 x = a >> i & 0xFF;
    const u32 y = b >> i & 0xFF;
    c += (a_signed ? (x ^ 0x80) - 0x80 : x) * (b_signed ? (y ^ 0x80) - 0x80 : y);
  }
  return c;
}
// Of two halves of a and two bytes of b, the low or the high ones.
template <bool a_signed, bool b_signed, int first_bit>
u32 dp2a(u32 a, u32 b, u32 c) {
  for (int i = 0; i < 2; ++i) {
    const u32 x = a >> (16 * i) & 0xFFFF;
    const u32 y = b >> (first_bit + 8 * i) & 0xFF;
    c += (a_signed ? (x ^ 0x8000) - 0x8000 : x) * (b_signed ? (y ^ 0x80) - 0x80 : y);
  }
  return c;
}

constexpr Form forms[] = {
    form<add<u16>>("add.u16"),
    form<add<u16>>("add.s16"),
    form<add<u32>>("add.u32"),
    form<add<u32>>("add.s32"),
    form<add<u64>>("add.u64"),
    form<add<u64>>("add.s64"),
    form<add_saturated>("add.sat.s32"),
    form<sub<u16>>("sub.u16"),
    form<sub<u16>>("sub.s16"),
    form<sub<u32>>("sub.u32"),
    form<sub<u32>>("sub.s32"),
    form<sub<u64>>("sub.u64"),
    form<sub<u64>>("sub.s64"),
    form<sub_saturated>("sub.sat.s32"),
    form<mul_lo<u16>>("mul.lo.u16"),
    form<mul_lo<u16>>("mul.lo.s16"),
    form<mul_lo<u32>>("mul.lo.u32"),
    form<mul_lo<u32>>("mul.lo.s32"),
    form<mul_lo<u64>>("mul.lo.u64"),
    form<mul_lo<u64>>("mul.lo.s64"),
    form<mul_hi<u16>>("mul.hi.u16"),
    form<mul_hi<s16>>("mul.hi.s16"),
    form<mul_hi<u32>>("mul.hi.u32"),
    form<mul_hi<s32>>("mul.hi.s32"),
    form<mul_hi<u64>>("mul.hi.u64"),
    form<mul_hi<s64>>("mul.hi.s64"),
    form<mul_wide<u16>>("mul.wide.u16"),
    form<mul_wide<s16>>("mul.wide.s16"),
    form<mul_wide<u32>>("mul.wide.u32"),
    form<mul_wide<s32>>("mul.wide.s32"),
    form<mad_lo<u16>>("mad.lo.u16"),
    form<mad_lo<u16>>("mad.lo.s16"),
    form<mad_lo<u32>>("mad.lo.u32"),
    form<mad_lo<u32>>("mad.lo.s32"),
    form<mad_lo<u64>>("mad.lo.u64"),
    form<mad_lo<u64>>("mad.lo.s64"),
    form<mad_hi<u16>>("mad.hi.u16"),
    form<mad_hi<s16>>("mad.hi.s16"),
    form<mad_hi<u32>>("mad.hi.u32"),
    form<mad_hi<s32>>("mad.hi.s32"),
    form<mad_hi<u64>>("mad.hi.u64"),
    form<mad_hi<s64>>("mad.hi.s64"),
    form<mad_hi_saturated>("mad.hi.sat.s32"),
    form<mad_wide<u16>>("mad.wide.u16"),
    form<mad_wide<s16>>("mad.wide.s16"),
    form<mad_wide<u32>>("mad.wide.u32"),
    form<mad_wide<s32>>("mad.wide.s32"),
    form<mul24_lo<u32>>("mul24.lo.u32"),
    form<mul24_lo<s32>>("mul24.lo.s32"),
    form<mul24_hi<u32>>("mul24.hi.u32"),
    form<mul24_hi<s32>>("mul24.hi.s32"),
    form<mad24_lo<u32>>("mad24.lo.u32"),
    form<mad24_lo<s32>>("mad24.lo.s32"),
    form<mad24_hi<u32>>("mad24.hi.u32"),
    form<mad24_hi<s32>>("mad24.hi.s32"),
    form<mad24_hi_saturated>("mad24.hi.sat.s32"),
    form<div<u16>>("div.u16"),
    form<div<s16>>("div.s16"),
    form<div<u32>>("div.u32"),
    form<div<s32>>("div.s32"),
    form<div<u64>>("div.u64"),
    form<div<s64>>("div.s64"),
    form<rem<u16>>("rem.u16"),
    form<rem<s16>>("rem.s16"),
    form<rem<u32>>("rem.u32"),
    form<rem<s32>>("rem.s32"),
    form<rem<u64>>("rem.u64"),
    form<rem<s64>>("rem.s64"),
    form<min<u16>>("min.u16"),
    form<min<s16>>("min.s16"),
    form<min<u32>>("min.u32"),
    form<min<s32>>("min.s32"),
    form<min<u64>>("min.u64"),
    form<min<s64>>("min.s64"),
    form<max<u16>>("max.u16"),
    form<max<s16>>("max.s16"),
    form<max<u32>>("max.u32"),
    form<max<s32>>("max.s32"),
    form<max<u64>>("max.u64"),
    form<max<s64>>("max.s64"),
    form<neg<s16>>("neg.s16"),
    form<neg<s32>>("neg.s32"),
    form<neg<s64>>("neg.s64"),
    form<abs<s16>>("abs.s16"),
    form<abs<s32>>("abs.s32"),
    form<abs<s64>>("abs.s64"),
    form<sad<u16>>("sad.u16"),
    form<sad<s16>>("sad.s16"),
    form<sad<u32>>("sad.u32"),
    form<sad<s32>>("sad.s32"),
    form<sad<u64>>("sad.u64"),
    form<sad<s64>>("sad.s64"),
    form<dp4a<false, false>>("dp4a.u32.u32"),
    form<dp4a<true, false>>("dp4a.s32.u32"),
    form<dp4a<false, true>>("dp4a.u32.s32"),
    form<dp4a<true, true>>("dp4a.s32.s32"),
    form<dp2a<false, false, 0>>("dp2a.lo.u32.u32"),
    form<dp2a<true, false, 0>>("dp2a.lo.s32.u32"),
    form<dp2a<false, true, 0>>("dp2a.lo.u32.s32"),
    form<dp2a<true, true, 0>>("dp2a.lo.s32.s32"),
    form<dp2a<false, false, 16>>("dp2a.hi.u32.u32"),
    form<dp2a<true, false, 16>>("dp2a.hi.s32.u32"),
    form<dp2a<false, true, 16>>("dp2a.hi.u32.s32"),
    form<dp2a<true, true, 16>>("dp2a.hi.s32.s32"),
};

}  // namespace

extern const FormTable integer_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
