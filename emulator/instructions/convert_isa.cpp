// Conversions that keep integers integers, and to floating-point numbers of 32 and 64 bits: cvt of
// the PTX ISA. Those that round in another direction than to nearest are in directed_forms.cpp,
// those to integers in convert_to_integer_isa.cpp, those of 16 bits in half_isa.cpp.

#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/integer_ranges.h"
#include "emulator/instructions/single_modifiers.h"

namespace lq::emulator::LQNET_ISA {
namespace {

template <typename To, typename From>
RegisterOf<To> convert(RegisterOf<From> a) {
  return static_cast<To>(static_cast<From>(a));
}

template <typename To, typename From>
RegisterOf<To> saturate(RegisterOf<From> register_value) {
  const From a = static_cast<From>(register_value);
  if (is_signed<From> && a < 0) {
    if (!is_signed<To>) return 0;
    return static_cast<s64>(a) < static_cast<s64>(lowest<To>) ? lowest<To> : static_cast<To>(a);
  }
  return static_cast<u64>(a) > static_cast<u64>(highest<To>) ? highest<To> : static_cast<To>(a);
}

template <typename To, typename From>
To to_floating(RegisterOf<From> a) {
  return static_cast<To>(static_cast<From>(a));
}

template <typename T>
T same(T a) {
  return a;
}
double widen(float a) { return a; }
float narrow(double a) { return static_cast<float>(a); }

constexpr Form forms[] = {
    form<convert<u8, u8>>("cvt.u8.u8"),
    form<convert<u8, s8>>("cvt.u8.s8"),
    form<convert<u8, u16>>("cvt.u8.u16"),
    form<convert<u8, s16>>("cvt.u8.s16"),
    form<convert<u8, u32>>("cvt.u8.u32"),
    form<convert<u8, s32>>("cvt.u8.s32"),
    form<convert<u8, u64>>("cvt.u8.u64"),
    form<convert<u8, s64>>("cvt.u8.s64"),
    form<convert<s8, u8>>("cvt.s8.u8"),
    form<convert<s8, s8>>("cvt.s8.s8"),
    form<convert<s8, u16>>("cvt.s8.u16"),
    form<convert<s8, s16>>("cvt.s8.s16"),
    form<convert<s8, u32>>("cvt.s8.u32"),
    form<convert<s8, s32>>("cvt.s8.s32"),
    form<convert<s8, u64>>("cvt.s8.u64"),
    form<convert<s8, s64>>("cvt.s8.s64"),
    form<convert<u16, u8>>("cvt.u16.u8"),
    form<convert<u16, s8>>("cvt.u16.s8"),
    form<convert<u16, u16>>("cvt.u16.u16"),
    form<convert<u16, s16>>("cvt.u16.s16"),
    form<convert<u16, u32>>("cvt.u16.u32"),
    form<convert<u16, s32>>("cvt.u16.s32"),
    form<convert<u16, u64>>("cvt.u16.u64"),
    form<convert<u16, s64>>("cvt.u16.s64"),
    form<convert<s16, u8>>("cvt.s16.u8"),
    form<convert<s16, s8>>("cvt.s16.s8"),
    form<convert<s16, u16>>("cvt.s16.u16"),
    form<convert<s16, s16>>("cvt.s16.s16"),
    form<convert<s16, u32>>("cvt.s16.u32"),
    form<convert<s16, s32>>("cvt.s16.s32"),
    form<convert<s16, u64>>("cvt.s16.u64"),
    form<convert<s16, s64>>("cvt.s16.s64"),
    form<convert<u32, u8>>("cvt.u32.u8"),
    form<convert<u32, s8>>("cvt.u32.s8"),
    form<convert<u32, u16>>("cvt.u32.u16"),
    form<convert<u32, s16>>("cvt.u32.s16"),
    form<convert<u32, u32>>("cvt.u32.u32"),
    form<convert<u32, s32>>("cvt.u32.s32"),
    form<convert<u32, u64>>("cvt.u32.u64"),
    form<convert<u32, s64>>("cvt.u32.s64"),
    form<convert<s32, u8>>("cvt.s32.u8"),
    form<convert<s32, s8>>("cvt.s32.s8"),
    form<convert<s32, u16>>("cvt.s32.u16"),
    form<convert<s32, s16>>("cvt.s32.s16"),
    form<convert<s32, u32>>("cvt.s32.u32"),
    form<convert<s32, s32>>("cvt.s32.s32"),
    form<convert<s32, u64>>("cvt.s32.u64"),
    form<convert<s32, s64>>("cvt.s32.s64"),
    form<convert<u64, u8>>("cvt.u64.u8"),
    form<convert<u64, s8>>("cvt.u64.s8"),
    form<convert<u64, u16>>("cvt.u64.u16"),
    form<convert<u64, s16>>("cvt.u64.s16"),
    form<convert<u64, u32>>("cvt.u64.u32"),
    form<convert<u64, s32>>("cvt.u64.s32"),
    form<convert<u64, u64>>("cvt.u64.u64"),
    form<convert<u64, s64>>("cvt.u64.s64"),
    form<convert<s64, u8>>("cvt.s64.u8"),
    form<convert<s64, s8>>("cvt.s64.s8"),
    form<convert<s64, u16>>("cvt.s64.u16"),
    form<convert<s64, s16>>("cvt.s64.s16"),
    form<convert<s64, u32>>("cvt.s64.u32"),
    form<convert<s64, s32>>("cvt.s64.s32"),
    form<convert<s64, u64>>("cvt.s64.u64"),
    form<convert<s64, s64>>("cvt.s64.s64"),
    form<saturate<u8, s8>>("cvt.sat.u8.s8"),
    form<saturate<u8, u16>>("cvt.sat.u8.u16"),
    form<saturate<u8, s16>>("cvt.sat.u8.s16"),
    form<saturate<u8, u32>>("cvt.sat.u8.u32"),
    form<saturate<u8, s32>>("cvt.sat.u8.s32"),
    form<saturate<u8, u64>>("cvt.sat.u8.u64"),
    form<saturate<u8, s64>>("cvt.sat.u8.s64"),
    form<saturate<s8, u8>>("cvt.sat.s8.u8"),
    form<saturate<s8, u16>>("cvt.sat.s8.u16"),
    form<saturate<s8, s16>>("cvt.sat.s8.s16"),
    form<saturate<s8, u32>>("cvt.sat.s8.u32"),
    form<saturate<s8, s32>>("cvt.sat.s8.s32"),
    form<saturate<s8, u64>>("cvt.sat.s8.u64"),
    form<saturate<s8, s64>>("cvt.sat.s8.s64"),
    form<saturate<u16, u8>>("cvt.sat.u16.u8"),
    form<saturate<u16, s8>>("cvt.sat.u16.s8"),
    form<saturate<u16, s16>>("cvt.sat.u16.s16"),
    form<saturate<u16, u32>>("cvt.sat.u16.u32"),
    form<saturate<u16, s32>>("cvt.sat.u16.s32"),
    form<saturate<u16, u64>>("cvt.sat.u16.u64"),
    form<saturate<u16, s64>>("cvt.sat.u16.s64"),
    form<saturate<s16, u8>>("cvt.sat.s16.u8"),
    form<saturate<s16, s8>>("cvt.sat.s16.s8"),
    form<saturate<s16, u16>>("cvt.sat.s16.u16"),
    form<saturate<s16, u32>>("cvt.sat.s16.u32"),
    form<saturate<s16, s32>>("cvt.sat.s16.s32"),
    form<saturate<s16, u64>>("cvt.sat.s16.u64"),
    form<saturate<s16, s64>>("cvt.sat.s16.s64"),
    form<saturate<u32, u8>>("cvt.sat.u32.u8"),
    form<saturate<u32, s8>>("cvt.sat.u32.s8"),
    form<saturate<u32, u16>>("cvt.sat.u32.u16"),
    form<saturate<u32, s16>>("cvt.sat.u32.s16"),
    form<saturate<u32, s32>>("cvt.sat.u32.s32"),
    form<saturate<u32, u64>>("cvt.sat.u32.u64"),
    form<saturate<u32, s64>>("cvt.sat.u32.s64"),
    form<saturate<s32, u8>>("cvt.sat.s32.u8"),
    form<saturate<s32, s8>>("cvt.sat.s32.s8"),
    form<saturate<s32, u16>>("cvt.sat.s32.u16"),
    form<saturate<s32, s16>>("cvt.sat.s32.s16"),
    form<saturate<s32, u32>>("cvt.sat.s32.u32"),
    form<saturate<s32, u64>>("cvt.sat.s32.u64"),
    form<saturate<s32, s64>>("cvt.sat.s32.s64"),
    form<saturate<u64, u8>>("cvt.sat.u64.u8"),
    form<saturate<u64, s8>>("cvt.sat.u64.s8"),
    form<saturate<u64, u16>>("cvt.sat.u64.u16"),
    form<saturate<u64, s16>>("cvt.sat.u64.s16"),
    form<saturate<u64, u32>>("cvt.sat.u64.u32"),
    form<saturate<u64, s32>>("cvt.sat.u64.s32"),
    form<saturate<u64, s64>>("cvt.sat.u64.s64"),
    form<saturate<s64, u8>>("cvt.sat.s64.u8"),
    form<saturate<s64, s8>>("cvt.sat.s64.s8"),
    form<saturate<s64, u16>>("cvt.sat.s64.u16"),
    form<saturate<s64, s16>>("cvt.sat.s64.s16"),
    form<saturate<s64, u32>>("cvt.sat.s64.u32"),
    form<saturate<s64, s32>>("cvt.sat.s64.s32"),
    form<saturate<s64, u64>>("cvt.sat.s64.u64"),
    form<to_floating<float, u8>>("cvt.rn.f32.u8"),
    form<to_floating<float, s8>>("cvt.rn.f32.s8"),
    form<to_floating<float, u16>>("cvt.rn.f32.u16"),
    form<to_floating<float, s16>>("cvt.rn.f32.s16"),
    form<to_floating<float, u32>>("cvt.rn.f32.u32"),
    form<to_floating<float, s32>>("cvt.rn.f32.s32"),
    form<to_floating<float, u64>>("cvt.rn.f32.u64"),
    form<to_floating<float, s64>>("cvt.rn.f32.s64"),
    form<to_floating<double, u8>>("cvt.rn.f64.u8"),
    form<to_floating<double, s8>>("cvt.rn.f64.s8"),
    form<to_floating<double, u16>>("cvt.rn.f64.u16"),
    form<to_floating<double, s16>>("cvt.rn.f64.s16"),
    form<to_floating<double, u32>>("cvt.rn.f64.u32"),
    form<to_floating<double, s32>>("cvt.rn.f64.s32"),
    form<to_floating<double, u64>>("cvt.rn.f64.u64"),
    form<to_floating<double, s64>>("cvt.rn.f64.s64"),
    form<same<float>>("cvt.f32.f32"),
    form<same<double>>("cvt.f64.f64"),
    form<flushed<same<float>>>("cvt.ftz.f32.f32"),
    form<saturated<same<float>>>("cvt.sat.f32.f32"),
    form<saturated<flushed<same<float>>>>("cvt.sat.ftz.f32.f32"),
    form<saturated<flushed<same<float>>>>("cvt.ftz.sat.f32.f32"),
    form<widen>("cvt.f64.f32"),
    form<flushed<widen>>("cvt.ftz.f64.f32"),
    form<narrow>("cvt.rn.f32.f64"),
    form<flushed<narrow>>("cvt.rn.ftz.f32.f64"),
};

}  // namespace

extern const FormTable convert_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
