// Numbers of 16 bits: binary16 (f16) and bfloat16 (bf16), single and in pairs.

#include "emulator/instructions/half_numbers.h"
#include "emulator/instructions/instruction_tables.h"

namespace lq::emulator::LQNET_ISA {
namespace {

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
u16 min(u16 a, u16 b) {
  if (is_nan<F>(a)) return is_nan<F>(b) ? u16{0x7FFF} : b;
  return !is_nan<F>(b) && less<F>(b, a) ? b : a;
}
template <typename F>
u16 max(u16 a, u16 b) {
  if (is_nan<F>(a)) return is_nan<F>(b) ? u16{0x7FFF} : b;
  return !is_nan<F>(b) && less<F>(a, b) ? b : a;
}
/// What is no number wins.
template <typename F>
u16 min_nan(u16 a, u16 b) {
  return is_nan<F>(a) || is_nan<F>(b) ? u16{0x7FFF} : min<F>(a, b);
}
template <typename F>
u16 max_nan(u16 a, u16 b) {
  return is_nan<F>(a) || is_nan<F>(b) ? u16{0x7FFF} : max<F>(a, b);
}
u16 neg(u16 a) { return a ^ 0x8000; }
u16 abs(u16 a) { return a & 0x7FFF; }

template <typename F>
float to_single(u16 a) {
  return is_nan<F>(a) ? __builtin_bit_cast(float, 0x7FFFFFFFU) : static_cast<float>(F::widen(a));
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

/// .sat: results are clamped to [0, 1], and what is no number becomes 0.
template <typename F, auto function>
struct Saturated;
template <typename F, typename... A, u16 (*function)(A...)>
struct Saturated<F, function> {
  static u16 run(A... a) {
    const u16 result = function(a...);
    const double value = F::widen(result);
    return value > 0 ? (value < 1 ? result : F::round(1)) : u16{0};
  }
};
template <typename F, auto function>
constexpr auto saturated = Saturated<F, function>::run;

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
    form<min_nan<Binary16>>("min.NaN.f16"),
    form<max_nan<Binary16>>("max.NaN.f16"),
    form<saturated<Binary16, add<Binary16>>>("add.sat.f16"),
    form<saturated<Binary16, add<Binary16>>>("add.rn.sat.f16"),
    form<saturated<Binary16, sub<Binary16>>>("sub.sat.f16"),
    form<saturated<Binary16, sub<Binary16>>>("sub.rn.sat.f16"),
    form<saturated<Binary16, mul<Binary16>>>("mul.sat.f16"),
    form<saturated<Binary16, mul<Binary16>>>("mul.rn.sat.f16"),
    form<saturated<Binary16, fma<Binary16>>>("fma.rn.sat.f16"),
    form<pair<min_nan<Binary16>>>("min.NaN.f16x2"),
    form<pair<max_nan<Binary16>>>("max.NaN.f16x2"),
    form<pair<saturated<Binary16, add<Binary16>>>>("add.sat.f16x2"),
    form<pair<saturated<Binary16, add<Binary16>>>>("add.rn.sat.f16x2"),
    form<pair<saturated<Binary16, sub<Binary16>>>>("sub.sat.f16x2"),
    form<pair<saturated<Binary16, sub<Binary16>>>>("sub.rn.sat.f16x2"),
    form<pair<saturated<Binary16, mul<Binary16>>>>("mul.sat.f16x2"),
    form<pair<saturated<Binary16, mul<Binary16>>>>("mul.rn.sat.f16x2"),
    form<pair<saturated<Binary16, fma<Binary16>>>>("fma.rn.sat.f16x2"),
    form<min_nan<Bfloat16>>("min.NaN.bf16"),
    form<max_nan<Bfloat16>>("max.NaN.bf16"),
    form<pair<min_nan<Bfloat16>>>("min.NaN.bf16x2"),
    form<pair<max_nan<Bfloat16>>>("max.NaN.bf16x2"),
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
