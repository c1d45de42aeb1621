// Arithmetic in double precision, rounded to nearest.

#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/lane_loops.h"

namespace lq::emulator::LQNET_ISA {
namespace {

double add(double a, double b) { return a + b; }
double sub(double a, double b) { return a - b; }
double mul(double a, double b) { return a * b; }
double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
double div(double a, double b) { return a / b; }
double sqrt(double a) { return __builtin_sqrt(a); }
double rcp(double a) { return 1 / a; }
double rsqrt(double a) { return 1 / __builtin_sqrt(a); }

// These look at and give the upper 32 bits only, which programs refine by Newton's method.
double upper(double a) {
  return __builtin_bit_cast(double, __builtin_bit_cast(std::uint64_t, a) & 0xFFFFFFFF00000000U);
}
double flush(double a) { return __builtin_fabs(a) < __DBL_MIN__ ? __builtin_copysign(0, a) : a; }
double rcp_approximate(double a) { return upper(flush(1 / flush(upper(a)))); }
double rsqrt_approximate(double a) { return upper(1 / __builtin_sqrt(flush(upper(a)))); }

bool is_negative(double a) { return __builtin_signbit(a) != 0; }
// The number wins against what is none; -0 is less than +0.
bool less(double a, double b) { return a < b || (a == b && is_negative(a) && !is_negative(b)); }
double min(double a, double b) { return a != a || less(b, a) ? (b != b ? a : b) : a; }
double max(double a, double b) { return a != a || less(a, b) ? (b != b ? a : b) : a; }

double abs(double a) { return __builtin_fabs(a); }
double neg(double a) { return -a; }
double copysign(double a, double b) { return __builtin_copysign(b, a); }

bool is_finite(double a) { return a - a == 0; }
bool is_infinite(double a) { return a == a && a - a != 0; }
bool is_number(double a) { return a == a; }
bool is_notanumber(double a) { return a != a; }
bool is_normal(double a) { return is_finite(a) && __builtin_fabs(a) >= __DBL_MIN__; }
bool is_subnormal(double a) { return a != 0 && __builtin_fabs(a) < __DBL_MIN__; }

constexpr Form forms[] = {
    form<add>("add.f64"),
    form<add>("add.rn.f64"),
    form<sub>("sub.f64"),
    form<sub>("sub.rn.f64"),
    form<mul>("mul.f64"),
    form<mul>("mul.rn.f64"),
    form<fma>("fma.rn.f64"),
    form<fma>("mad.rn.f64"),
    form<div>("div.rn.f64"),
    form<min>("min.f64"),
    form<max>("max.f64"),
    form<abs>("abs.f64"),
    form<neg>("neg.f64"),
    form<sqrt>("sqrt.rn.f64"),
    form<rcp>("rcp.rn.f64"),
    form<rcp_approximate>("rcp.approx.ftz.f64"),
    form<rsqrt>("rsqrt.approx.f64"),
    form<rsqrt_approximate>("rsqrt.approx.ftz.f64"),
    form<copysign>("copysign.f64"),
    form<is_finite>("testp.finite.f64"),
    form<is_infinite>("testp.infinite.f64"),
    form<is_number>("testp.number.f64"),
    form<is_notanumber>("testp.notanumber.f64"),
    form<is_normal>("testp.normal.f64"),
    form<is_subnormal>("testp.subnormal.f64"),
};

}  // namespace

extern const FormTable double_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
