// Numbers of 16 bits: binary16 (f16) and bfloat16 (bf16), single and in pairs.

#include "emulator/instructions/instruction_tables.h"
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

/// a + b such that a second rounding to fewer bits gives the rounding of the exact sum: if the sum
/// is not exact, its last bit is made odd.
double sum_to_odd(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  const double error = (a - (sum - b_part)) + (b - b_part);
  u64 bits = __builtin_bit_cast(u64, sum);
  if (error != 0 && sum - sum == 0 && (bits & 1) == 0) {
    const bool away_from_zero = (error > 0) == (sum > 0);
    bits += away_from_zero ? 1 : ~u64{0};
  }
  return __builtin_bit_cast(double, bits);
}

template <typename F>
u16 add(u16 a, u16 b) {
  return F::round(sum_to_odd(F::widen(a), F::widen(b)));
}
template <typename F>
u16 sub(u16 a, u16 b) {
  return F::round(sum_to_odd(F::widen(a), -F::widen(b)));
}
template <typename F>
u16 mul(u16 a, u16 b) {
  return F::round(F::widen(a) * F::widen(b));
}
template <typename F>
u16 fma(u16 a, u16 b, u16 c) {
  return F::round(sum_to_odd(F::widen(a) * F::widen(b), F::widen(c)));
}
template <typename F>
u16 fma_relu(u16 a, u16 b, u16 c) {
  const u16 result = fma<F>(a, b, c);
  return (result & 0x8000) != 0 ? u16{0} : result;
}
template <typename F>
bool less(u16 a, u16 b) {
  const double x = F::widen(a);
  const double y = F::widen(b);
  return x < y || (x == y && (a >> 15) > (b >> 15));
}
template <typename F>
bool is_nan(u16 a) {
  return F::widen(a) != F::widen(a);
}
template <typename F>
u16 min(u16 a, u16 b) {
  if (is_nan<F>(a)) return is_nan<F>(b) ? u16{0x7FFF} : b;
  return !is_nan<F>(b) && less<F>(b, a) ? b : a;
}
template <typename F>
u16 max(u16 a, u16 b) {
  if (is_nan<F>(a)) return is_nan<F>(b) ? u16{0x7FFF} : b;
  return !is_nan<F>(b) && less<F>(a, b) ? b : a;
}
u16 neg(u16 a) { return a ^ 0x8000; }
u16 abs(u16 a) { return a & 0x7FFF; }

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

template <typename F, int comparison>
bool compare(u16 a, u16 b) {
  const double x = F::widen(a);
  const double y = F::widen(b);
  switch (comparison) {
    case 0:
      return x == y;
    case 1:
      return x < y || x > y;
    case 2:
      return x < y;
    case 3:
      return x <= y;
    case 4:
      return x > y;
    case 5:
      return x >= y;
    case 6:
      return x != y;
    default:
      return x != x || y != y;
  }
}

template <typename F>
float to_single(u16 a) {
  return static_cast<float>(F::widen(a));
}
template <typename F>
u16 from_single(float a) {
  return F::round(a);
}
template <typename F>
u16 from_single_relu(float a) {
  return a > 0 ? F::round(a) : (a != a ? u16{0x7FFF} : u16{0});
}
template <typename F>
u32 pair_from_single(float high, float low) {
  return u32{F::round(high)} << 16 | F::round(low);
}
template <typename F>
double to_double(u16 a) {
  return F::widen(a);
}
template <typename F>
u16 from_double(double a) {
  return F::round(a);
}

/// 19 bits in a register of 32; ties away from zero.
u32 tf32_away(float a) {
  const u32 bits = __builtin_bit_cast(u32, a);
  return a - a == 0 ? (bits + 0x1000) & ~0x1FFFU : bits;
}

constexpr Form forms[] = {
    form<add<Binary16>>("add.f16"),
    form<add<Binary16>>("add.rn.f16"),
    form<sub<Binary16>>("sub.f16"),
    form<sub<Binary16>>("sub.rn.f16"),
    form<mul<Binary16>>("mul.f16"),
    form<mul<Binary16>>("mul.rn.f16"),
    form<fma<Binary16>>("fma.rn.f16"),
    form<fma_relu<Binary16>>("fma.rn.relu.f16"),
    form<min<Binary16>>("min.f16"),
    form<max<Binary16>>("max.f16"),
    form<neg>("neg.f16"),
    form<abs>("abs.f16"),
    form<pair<add<Binary16>>>("add.f16x2"),
    form<pair<add<Binary16>>>("add.rn.f16x2"),
    form<pair<sub<Binary16>>>("sub.f16x2"),
    form<pair<sub<Binary16>>>("sub.rn.f16x2"),
    form<pair<mul<Binary16>>>("mul.f16x2"),
    form<pair<mul<Binary16>>>("mul.rn.f16x2"),
    form<pair<fma<Binary16>>>("fma.rn.f16x2"),
    form<pair<fma_relu<Binary16>>>("fma.rn.relu.f16x2"),
    form<pair<min<Binary16>>>("min.f16x2"),
    form<pair<max<Binary16>>>("max.f16x2"),
    form<pair<neg>>("neg.f16x2"),
    form<pair<abs>>("abs.f16x2"),
    form<add<Bfloat16>>("add.bf16"),
    form<add<Bfloat16>>("add.rn.bf16"),
    form<sub<Bfloat16>>("sub.bf16"),
    form<sub<Bfloat16>>("sub.rn.bf16"),
    form<mul<Bfloat16>>("mul.bf16"),
    form<mul<Bfloat16>>("mul.rn.bf16"),
    form<fma<Bfloat16>>("fma.rn.bf16"),
    form<fma_relu<Bfloat16>>("fma.rn.relu.bf16"),
    form<min<Bfloat16>>("min.bf16"),
    form<max<Bfloat16>>("max.bf16"),
    form<neg>("neg.bf16"),
    form<abs>("abs.bf16"),
    form<pair<add<Bfloat16>>>("add.bf16x2"),
    form<pair<add<Bfloat16>>>("add.rn.bf16x2"),
    form<pair<sub<Bfloat16>>>("sub.bf16x2"),
    form<pair<sub<Bfloat16>>>("sub.rn.bf16x2"),
    form<pair<mul<Bfloat16>>>("mul.bf16x2"),
    form<pair<mul<Bfloat16>>>("mul.rn.bf16x2"),
    form<pair<fma<Bfloat16>>>("fma.rn.bf16x2"),
    form<pair<fma_relu<Bfloat16>>>("fma.rn.relu.bf16x2"),
    form<pair<min<Bfloat16>>>("min.bf16x2"),
    form<pair<max<Bfloat16>>>("max.bf16x2"),
    form<pair<neg>>("neg.bf16x2"),
    form<pair<abs>>("abs.bf16x2"),
    form<compare<Binary16, 0>>("setp.eq.f16"),
    form<compare<Binary16, 1>>("setp.ne.f16"),
    form<compare<Binary16, 2>>("setp.lt.f16"),
    form<compare<Binary16, 3>>("setp.le.f16"),
    form<compare<Binary16, 4>>("setp.gt.f16"),
    form<compare<Binary16, 5>>("setp.ge.f16"),
    form<compare<Binary16, 6>>("setp.neu.f16"),
    form<compare<Binary16, 7>>("setp.nan.f16"),
    form<compare<Bfloat16, 0>>("setp.eq.bf16"),
    form<compare<Bfloat16, 1>>("setp.ne.bf16"),
    form<compare<Bfloat16, 2>>("setp.lt.bf16"),
    form<compare<Bfloat16, 3>>("setp.le.bf16"),
    form<compare<Bfloat16, 4>>("setp.gt.bf16"),
    form<compare<Bfloat16, 5>>("setp.ge.bf16"),
    form<compare<Bfloat16, 6>>("setp.neu.bf16"),
    form<compare<Bfloat16, 7>>("setp.nan.bf16"),
    form<to_single<Binary16>>("cvt.f32.f16"),
    form<to_single<Bfloat16>>("cvt.f32.bf16"),
    form<from_single<Binary16>>("cvt.rn.f16.f32"),
    form<from_single_relu<Binary16>>("cvt.rn.relu.f16.f32"),
    form<from_single<Bfloat16>>("cvt.rn.bf16.f32"),
    form<from_single_relu<Bfloat16>>("cvt.rn.relu.bf16.f32"),
    form<pair_from_single<Binary16>>("cvt.rn.f16x2.f32"),
    form<pair_from_single<Bfloat16>>("cvt.rn.bf16x2.f32"),
    form<to_double<Binary16>>("cvt.f64.f16"),
    form<from_double<Binary16>>("cvt.rn.f16.f64"),
    form<tf32_away>("cvt.rna.tf32.f32"),
};

}  // namespace

extern const FormTable half_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
