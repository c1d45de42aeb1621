// Arithmetic in single precision, rounded to nearest: "Floating Point Instructions" of the PTX ISA.
// Other directions are in directed_forms.cpp, sines and powers in transcendental_forms.cpp.

#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/lane_loops.h"
#include "emulator/instructions/single_modifiers.h"

namespace lq::emulator::LQNET_ISA {
namespace {

// Results that are no number are the canonical one, whatever the operands' payloads.
float canonical(float a) { return a == a ? a : __builtin_bit_cast(float, 0x7FFFFFFFU); }
float add(float a, float b) { return canonical(a + b); }
float sub(float a, float b) { return canonical(a - b); }
float mul(float a, float b) { return canonical(a * b); }
float fma(float a, float b, float c) { return canonical(__builtin_fmaf(a, b, c)); }
// The approximations of a device are within a few units in the last place; here they are exact.
float div(float a, float b) { return canonical(a / b); }
float sqrt(float a) { return canonical(__builtin_sqrtf(a)); }
float rcp(float a) { return canonical(1 / a); }
float rsqrt(float a) { return canonical(static_cast<float>(1 / __builtin_sqrt(double{a}))); }

bool is_negative(float a) { return __builtin_signbit(a) != 0; }
// The number wins against what is none; -0 is less than +0.
bool less(float a, float b) { return a < b || (a == b && is_negative(a) && !is_negative(b)); }
float min(float a, float b) { return canonical(a != a || less(b, a) ? (b != b ? a : b) : a); }
float max(float a, float b) { return canonical(a != a || less(a, b) ? (b != b ? a : b) : a); }
float min_nan(float a, float b) { return a != a || b != b ? canonical(a + b) : min(a, b); }
float max_nan(float a, float b) { return a != a || b != b ? canonical(a + b) : max(a, b); }

float abs(float a) { return __builtin_fabsf(a); }
float neg(float a) { return -a; }
/// .xorsign.abs: of the magnitudes, with the product of the signs.
template <float (*function)(float, float)>
float magnitude_with_sign(float a, float b) {
  const float result = function(__builtin_fabsf(a), __builtin_fabsf(b));
  if (result != result) return result;
  return is_negative(a) != is_negative(b) ? -result : result;
}
float copysign(float a, float b) { return __builtin_copysignf(b, a); }

bool is_finite(float a) { return a - a == 0; }
bool is_infinite(float a) { return a == a && a - a != 0; }
bool is_number(float a) { return a == a; }
bool is_notanumber(float a) { return a != a; }
bool is_normal(float a) { return is_finite(a) && __builtin_fabsf(a) >= __FLT_MIN__; }
bool is_subnormal(float a) { return a != 0 && __builtin_fabsf(a) < __FLT_MIN__; }

constexpr Form forms[] = {
    form<add>("add.f32"),
    form<flushed<add>>("add.ftz.f32"),
    form<saturated<add>>("add.sat.f32"),
    form<saturated<flushed<add>>>("add.ftz.sat.f32"),
    form<add>("add.rn.f32"),
    form<flushed<add>>("add.rn.ftz.f32"),
    form<saturated<add>>("add.rn.sat.f32"),
    form<saturated<flushed<add>>>("add.rn.ftz.sat.f32"),
    form<sub>("sub.f32"),
    form<flushed<sub>>("sub.ftz.f32"),
    form<saturated<sub>>("sub.sat.f32"),
    form<saturated<flushed<sub>>>("sub.ftz.sat.f32"),
    form<sub>("sub.rn.f32"),
    form<flushed<sub>>("sub.rn.ftz.f32"),
    form<saturated<sub>>("sub.rn.sat.f32"),
    form<saturated<flushed<sub>>>("sub.rn.ftz.sat.f32"),
    form<mul>("mul.f32"),
    form<flushed<mul>>("mul.ftz.f32"),
    form<saturated<mul>>("mul.sat.f32"),
    form<saturated<flushed<mul>>>("mul.ftz.sat.f32"),
    form<mul>("mul.rn.f32"),
    form<flushed<mul>>("mul.rn.ftz.f32"),
    form<saturated<mul>>("mul.rn.sat.f32"),
    form<saturated<flushed<mul>>>("mul.rn.ftz.sat.f32"),
    form<fma>("fma.rn.f32"),
    form<flushed<fma>>("fma.rn.ftz.f32"),
    form<saturated<fma>>("fma.rn.sat.f32"),
    form<saturated<flushed<fma>>>("fma.rn.ftz.sat.f32"),
    form<fma>("mad.rn.f32"),
    form<flushed<fma>>("mad.rn.ftz.f32"),
    form<saturated<fma>>("mad.rn.sat.f32"),
    form<saturated<flushed<fma>>>("mad.rn.ftz.sat.f32"),
    form<fma>("mad.f32"),
    form<flushed<fma>>("mad.ftz.f32"),
    form<saturated<fma>>("mad.sat.f32"),
    form<saturated<flushed<fma>>>("mad.ftz.sat.f32"),
    form<div>("div.rn.f32"),
    form<flushed<div>>("div.rn.ftz.f32"),
    form<div>("div.approx.f32"),
    form<flushed<div>>("div.approx.ftz.f32"),
    form<div>("div.full.f32"),
    form<flushed<div>>("div.full.ftz.f32"),
    form<min>("min.f32"),
    form<flushed<min>>("min.ftz.f32"),
    form<max>("max.f32"),
    form<flushed<max>>("max.ftz.f32"),
    form<min_nan>("min.NaN.f32"),
    form<max_nan>("max.NaN.f32"),
    form<flushed<min_nan>>("min.ftz.NaN.f32"),
    form<flushed<max_nan>>("max.ftz.NaN.f32"),
    form<magnitude_with_sign<min>>("min.xorsign.abs.f32"),
    form<flushed<magnitude_with_sign<min>>>("min.ftz.xorsign.abs.f32"),
    form<magnitude_with_sign<min_nan>>("min.NaN.xorsign.abs.f32"),
    form<flushed<magnitude_with_sign<min_nan>>>("min.ftz.NaN.xorsign.abs.f32"),
    form<magnitude_with_sign<max>>("max.xorsign.abs.f32"),
    form<flushed<magnitude_with_sign<max>>>("max.ftz.xorsign.abs.f32"),
    form<magnitude_with_sign<max_nan>>("max.NaN.xorsign.abs.f32"),
    form<flushed<magnitude_with_sign<max_nan>>>("max.ftz.NaN.xorsign.abs.f32"),
    form<abs>("abs.f32"),
    form<flushed<abs>>("abs.ftz.f32"),
    form<neg>("neg.f32"),
    form<flushed<neg>>("neg.ftz.f32"),
    form<sqrt>("sqrt.rn.f32"),
    form<flushed<sqrt>>("sqrt.rn.ftz.f32"),
    form<sqrt>("sqrt.approx.f32"),
    form<flushed<sqrt>>("sqrt.approx.ftz.f32"),
    form<rcp>("rcp.rn.f32"),
    form<flushed<rcp>>("rcp.rn.ftz.f32"),
    form<rcp>("rcp.approx.f32"),
    form<flushed<rcp>>("rcp.approx.ftz.f32"),
    form<rsqrt>("rsqrt.approx.f32"),
    form<flushed<rsqrt>>("rsqrt.approx.ftz.f32"),
    form<pair_of_singles<add>>("add.f32x2"),
    form<pair_of_singles<flushed<add>>>("add.ftz.f32x2"),
    form<pair_of_singles<add>>("add.rn.f32x2"),
    form<pair_of_singles<flushed<add>>>("add.rn.ftz.f32x2"),
    form<pair_of_singles<sub>>("sub.f32x2"),
    form<pair_of_singles<flushed<sub>>>("sub.ftz.f32x2"),
    form<pair_of_singles<sub>>("sub.rn.f32x2"),
    form<pair_of_singles<flushed<sub>>>("sub.rn.ftz.f32x2"),
    form<pair_of_singles<mul>>("mul.f32x2"),
    form<pair_of_singles<flushed<mul>>>("mul.ftz.f32x2"),
    form<pair_of_singles<mul>>("mul.rn.f32x2"),
    form<pair_of_singles<flushed<mul>>>("mul.rn.ftz.f32x2"),
    form<pair_of_singles<fma>>("fma.rn.f32x2"),
    form<pair_of_singles<flushed<fma>>>("fma.rn.ftz.f32x2"),
    form<copysign>("copysign.f32"),
    form<is_finite>("testp.finite.f32"),
    form<is_infinite>("testp.infinite.f32"),
    form<is_number>("testp.number.f32"),
    form<is_notanumber>("testp.notanumber.f32"),
    form<is_normal>("testp.normal.f32"),
    form<is_subnormal>("testp.subnormal.f32"),
};

}  // namespace

extern const FormTable single_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
