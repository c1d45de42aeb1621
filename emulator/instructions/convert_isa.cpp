// Conversions between integers and floating-point numbers of 32 and 64 bits: cvt of the PTX ISA.
// Those that round in another direction than to nearest are in directed_forms.cpp, those of 16 bits
// in half_isa.cpp.

#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/lane_loops.h"

namespace lq::emulator::LQNET_ISA {
namespace {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

// Bytes travel in registers of 16 bits.
template <typename T>
struct Register {
  using Type = T;
};
template <>
struct Register<u8> {
  using Type = u16;
};
template <>
struct Register<s8> {
  using Type = s16;
};
template <typename T>
using RegisterOf = typename Register<T>::Type;

template <typename To, typename From>
RegisterOf<To> convert(RegisterOf<From> a) {
  return static_cast<To>(static_cast<From>(a));
}

template <typename T>
constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
template <typename T>
constexpr T highest = is_signed<T> ? static_cast<T>((u64{1} << (8 * sizeof(T) - 1)) - 1)
                                   : static_cast<T>(-1);
template <typename T>
constexpr T lowest = is_signed<T> ? static_cast<T>(u64{1} << (8 * sizeof(T) - 1)) : T{0};

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

enum class Rounding { nearest, zero, down, up };

template <typename T, Rounding rounding>
T integral(T a) {
  constexpr bool is_single = sizeof(T) == 4;
  if constexpr (rounding == Rounding::nearest) {
    return is_single ? static_cast<T>(__builtin_rintf(static_cast<float>(a)))
                     : static_cast<T>(__builtin_rint(a));
  } else if constexpr (rounding == Rounding::zero) {
    return is_single ? static_cast<T>(__builtin_truncf(static_cast<float>(a)))
                     : static_cast<T>(__builtin_trunc(a));
  } else if constexpr (rounding == Rounding::down) {
    return is_single ? static_cast<T>(__builtin_floorf(static_cast<float>(a)))
                     : static_cast<T>(__builtin_floor(a));
  } else {
    return is_single ? static_cast<T>(__builtin_ceilf(static_cast<float>(a)))
                     : static_cast<T>(__builtin_ceil(a));
  }
}

/// Values outside of the type's range give its nearest value, and what is no number gives 0.
template <typename To, typename From, Rounding rounding>
RegisterOf<To> to_integer(From a) {
  const From rounded = integral<From, rounding>(a);
  // A power of two, unlike the highest value exact in every format.
  const From limit = static_cast<From>(highest<To> / 2 + 1) * 2;
  if (!(rounded == rounded)) return 0;
  if (rounded >= limit) return highest<To>;
  if (rounded < static_cast<From>(lowest<To>)) return lowest<To>;
  return static_cast<To>(rounded);
}

float flush(float a) { return __builtin_fabsf(a) < __FLT_MIN__ ? __builtin_copysignf(0, a) : a; }
template <typename To, Rounding rounding>
RegisterOf<To> to_integer_flushed(float a) {
  return to_integer<To, float, rounding>(flush(a));
}
template <Rounding rounding>
float integral_flushed(float a) {
  return integral<float, rounding>(flush(a));
}

template <typename T>
T same(T a) {
  return a;
}
float saturate_single(float a) { return a > 0 ? (a < 1 ? a : 1) : 0; }
float saturate_flushed(float a) { return saturate_single(flush(a)); }
double widen(float a) { return a; }
double widen_flushed(float a) { return flush(a); }
float narrow(double a) { return static_cast<float>(a); }
float narrow_flushed(double a) { return flush(static_cast<float>(a)); }

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
    form<to_integer<u8, float, Rounding::nearest>>("cvt.rni.u8.f32"),
    form<to_integer<u8, float, Rounding::nearest>>("cvt.rni.sat.u8.f32"),
    form<to_integer_flushed<u8, Rounding::nearest>>("cvt.rni.ftz.u8.f32"),
    form<to_integer<u8, float, Rounding::zero>>("cvt.rzi.u8.f32"),
    form<to_integer<u8, float, Rounding::zero>>("cvt.rzi.sat.u8.f32"),
    form<to_integer_flushed<u8, Rounding::zero>>("cvt.rzi.ftz.u8.f32"),
    form<to_integer<u8, float, Rounding::down>>("cvt.rmi.u8.f32"),
    form<to_integer<u8, float, Rounding::down>>("cvt.rmi.sat.u8.f32"),
    form<to_integer_flushed<u8, Rounding::down>>("cvt.rmi.ftz.u8.f32"),
    form<to_integer<u8, float, Rounding::up>>("cvt.rpi.u8.f32"),
    form<to_integer<u8, float, Rounding::up>>("cvt.rpi.sat.u8.f32"),
    form<to_integer_flushed<u8, Rounding::up>>("cvt.rpi.ftz.u8.f32"),
    form<to_integer<s8, float, Rounding::nearest>>("cvt.rni.s8.f32"),
    form<to_integer<s8, float, Rounding::nearest>>("cvt.rni.sat.s8.f32"),
    form<to_integer_flushed<s8, Rounding::nearest>>("cvt.rni.ftz.s8.f32"),
    form<to_integer<s8, float, Rounding::zero>>("cvt.rzi.s8.f32"),
    form<to_integer<s8, float, Rounding::zero>>("cvt.rzi.sat.s8.f32"),
    form<to_integer_flushed<s8, Rounding::zero>>("cvt.rzi.ftz.s8.f32"),
    form<to_integer<s8, float, Rounding::down>>("cvt.rmi.s8.f32"),
    form<to_integer<s8, float, Rounding::down>>("cvt.rmi.sat.s8.f32"),
    form<to_integer_flushed<s8, Rounding::down>>("cvt.rmi.ftz.s8.f32"),
    form<to_integer<s8, float, Rounding::up>>("cvt.rpi.s8.f32"),
    form<to_integer<s8, float, Rounding::up>>("cvt.rpi.sat.s8.f32"),
    form<to_integer_flushed<s8, Rounding::up>>("cvt.rpi.ftz.s8.f32"),
    form<to_integer<u16, float, Rounding::nearest>>("cvt.rni.u16.f32"),
    form<to_integer<u16, float, Rounding::nearest>>("cvt.rni.sat.u16.f32"),
    form<to_integer_flushed<u16, Rounding::nearest>>("cvt.rni.ftz.u16.f32"),
    form<to_integer<u16, float, Rounding::zero>>("cvt.rzi.u16.f32"),
    form<to_integer<u16, float, Rounding::zero>>("cvt.rzi.sat.u16.f32"),
    form<to_integer_flushed<u16, Rounding::zero>>("cvt.rzi.ftz.u16.f32"),
    form<to_integer<u16, float, Rounding::down>>("cvt.rmi.u16.f32"),
    form<to_integer<u16, float, Rounding::down>>("cvt.rmi.sat.u16.f32"),
    form<to_integer_flushed<u16, Rounding::down>>("cvt.rmi.ftz.u16.f32"),
    form<to_integer<u16, float, Rounding::up>>("cvt.rpi.u16.f32"),
    form<to_integer<u16, float, Rounding::up>>("cvt.rpi.sat.u16.f32"),
    form<to_integer_flushed<u16, Rounding::up>>("cvt.rpi.ftz.u16.f32"),
    form<to_integer<s16, float, Rounding::nearest>>("cvt.rni.s16.f32"),
    form<to_integer<s16, float, Rounding::nearest>>("cvt.rni.sat.s16.f32"),
    form<to_integer_flushed<s16, Rounding::nearest>>("cvt.rni.ftz.s16.f32"),
    form<to_integer<s16, float, Rounding::zero>>("cvt.rzi.s16.f32"),
    form<to_integer<s16, float, Rounding::zero>>("cvt.rzi.sat.s16.f32"),
    form<to_integer_flushed<s16, Rounding::zero>>("cvt.rzi.ftz.s16.f32"),
    form<to_integer<s16, float, Rounding::down>>("cvt.rmi.s16.f32"),
    form<to_integer<s16, float, Rounding::down>>("cvt.rmi.sat.s16.f32"),
    form<to_integer_flushed<s16, Rounding::down>>("cvt.rmi.ftz.s16.f32"),
    form<to_integer<s16, float, Rounding::up>>("cvt.rpi.s16.f32"),
    form<to_integer<s16, float, Rounding::up>>("cvt.rpi.sat.s16.f32"),
    form<to_integer_flushed<s16, Rounding::up>>("cvt.rpi.ftz.s16.f32"),
    form<to_integer<u32, float, Rounding::nearest>>("cvt.rni.u32.f32"),
    form<to_integer<u32, float, Rounding::nearest>>("cvt.rni.sat.u32.f32"),
    form<to_integer_flushed<u32, Rounding::nearest>>("cvt.rni.ftz.u32.f32"),
    form<to_integer<u32, float, Rounding::zero>>("cvt.rzi.u32.f32"),
    form<to_integer<u32, float, Rounding::zero>>("cvt.rzi.sat.u32.f32"),
    form<to_integer_flushed<u32, Rounding::zero>>("cvt.rzi.ftz.u32.f32"),
    form<to_integer<u32, float, Rounding::down>>("cvt.rmi.u32.f32"),
    form<to_integer<u32, float, Rounding::down>>("cvt.rmi.sat.u32.f32"),
    form<to_integer_flushed<u32, Rounding::down>>("cvt.rmi.ftz.u32.f32"),
    form<to_integer<u32, float, Rounding::up>>("cvt.rpi.u32.f32"),
    form<to_integer<u32, float, Rounding::up>>("cvt.rpi.sat.u32.f32"),
    form<to_integer_flushed<u32, Rounding::up>>("cvt.rpi.ftz.u32.f32"),
    form<to_integer<s32, float, Rounding::nearest>>("cvt.rni.s32.f32"),
    form<to_integer<s32, float, Rounding::nearest>>("cvt.rni.sat.s32.f32"),
    form<to_integer_flushed<s32, Rounding::nearest>>("cvt.rni.ftz.s32.f32"),
    form<to_integer<s32, float, Rounding::zero>>("cvt.rzi.s32.f32"),
    form<to_integer<s32, float, Rounding::zero>>("cvt.rzi.sat.s32.f32"),
    form<to_integer_flushed<s32, Rounding::zero>>("cvt.rzi.ftz.s32.f32"),
    form<to_integer<s32, float, Rounding::down>>("cvt.rmi.s32.f32"),
    form<to_integer<s32, float, Rounding::down>>("cvt.rmi.sat.s32.f32"),
    form<to_integer_flushed<s32, Rounding::down>>("cvt.rmi.ftz.s32.f32"),
    form<to_integer<s32, float, Rounding::up>>("cvt.rpi.s32.f32"),
    form<to_integer<s32, float, Rounding::up>>("cvt.rpi.sat.s32.f32"),
    form<to_integer_flushed<s32, Rounding::up>>("cvt.rpi.ftz.s32.f32"),
    form<to_integer<u64, float, Rounding::nearest>>("cvt.rni.u64.f32"),
    form<to_integer<u64, float, Rounding::nearest>>("cvt.rni.sat.u64.f32"),
    form<to_integer_flushed<u64, Rounding::nearest>>("cvt.rni.ftz.u64.f32"),
    form<to_integer<u64, float, Rounding::zero>>("cvt.rzi.u64.f32"),
    form<to_integer<u64, float, Rounding::zero>>("cvt.rzi.sat.u64.f32"),
    form<to_integer_flushed<u64, Rounding::zero>>("cvt.rzi.ftz.u64.f32"),
    form<to_integer<u64, float, Rounding::down>>("cvt.rmi.u64.f32"),
    form<to_integer<u64, float, Rounding::down>>("cvt.rmi.sat.u64.f32"),
    form<to_integer_flushed<u64, Rounding::down>>("cvt.rmi.ftz.u64.f32"),
    form<to_integer<u64, float, Rounding::up>>("cvt.rpi.u64.f32"),
    form<to_integer<u64, float, Rounding::up>>("cvt.rpi.sat.u64.f32"),
    form<to_integer_flushed<u64, Rounding::up>>("cvt.rpi.ftz.u64.f32"),
    form<to_integer<s64, float, Rounding::nearest>>("cvt.rni.s64.f32"),
    form<to_integer<s64, float, Rounding::nearest>>("cvt.rni.sat.s64.f32"),
    form<to_integer_flushed<s64, Rounding::nearest>>("cvt.rni.ftz.s64.f32"),
    form<to_integer<s64, float, Rounding::zero>>("cvt.rzi.s64.f32"),
    form<to_integer<s64, float, Rounding::zero>>("cvt.rzi.sat.s64.f32"),
    form<to_integer_flushed<s64, Rounding::zero>>("cvt.rzi.ftz.s64.f32"),
    form<to_integer<s64, float, Rounding::down>>("cvt.rmi.s64.f32"),
    form<to_integer<s64, float, Rounding::down>>("cvt.rmi.sat.s64.f32"),
    form<to_integer_flushed<s64, Rounding::down>>("cvt.rmi.ftz.s64.f32"),
    form<to_integer<s64, float, Rounding::up>>("cvt.rpi.s64.f32"),
    form<to_integer<s64, float, Rounding::up>>("cvt.rpi.sat.s64.f32"),
    form<to_integer_flushed<s64, Rounding::up>>("cvt.rpi.ftz.s64.f32"),
    form<to_integer<u8, double, Rounding::nearest>>("cvt.rni.u8.f64"),
    form<to_integer<u8, double, Rounding::nearest>>("cvt.rni.sat.u8.f64"),
    form<to_integer<u8, double, Rounding::zero>>("cvt.rzi.u8.f64"),
    form<to_integer<u8, double, Rounding::zero>>("cvt.rzi.sat.u8.f64"),
    form<to_integer<u8, double, Rounding::down>>("cvt.rmi.u8.f64"),
    form<to_integer<u8, double, Rounding::down>>("cvt.rmi.sat.u8.f64"),
    form<to_integer<u8, double, Rounding::up>>("cvt.rpi.u8.f64"),
    form<to_integer<u8, double, Rounding::up>>("cvt.rpi.sat.u8.f64"),
    form<to_integer<s8, double, Rounding::nearest>>("cvt.rni.s8.f64"),
    form<to_integer<s8, double, Rounding::nearest>>("cvt.rni.sat.s8.f64"),
    form<to_integer<s8, double, Rounding::zero>>("cvt.rzi.s8.f64"),
    form<to_integer<s8, double, Rounding::zero>>("cvt.rzi.sat.s8.f64"),
    form<to_integer<s8, double, Rounding::down>>("cvt.rmi.s8.f64"),
    form<to_integer<s8, double, Rounding::down>>("cvt.rmi.sat.s8.f64"),
    form<to_integer<s8, double, Rounding::up>>("cvt.rpi.s8.f64"),
    form<to_integer<s8, double, Rounding::up>>("cvt.rpi.sat.s8.f64"),
    form<to_integer<u16, double, Rounding::nearest>>("cvt.rni.u16.f64"),
    form<to_integer<u16, double, Rounding::nearest>>("cvt.rni.sat.u16.f64"),
    form<to_integer<u16, double, Rounding::zero>>("cvt.rzi.u16.f64"),
    form<to_integer<u16, double, Rounding::zero>>("cvt.rzi.sat.u16.f64"),
    form<to_integer<u16, double, Rounding::down>>("cvt.rmi.u16.f64"),
    form<to_integer<u16, double, Rounding::down>>("cvt.rmi.sat.u16.f64"),
    form<to_integer<u16, double, Rounding::up>>("cvt.rpi.u16.f64"),
    form<to_integer<u16, double, Rounding::up>>("cvt.rpi.sat.u16.f64"),
    form<to_integer<s16, double, Rounding::nearest>>("cvt.rni.s16.f64"),
    form<to_integer<s16, double, Rounding::nearest>>("cvt.rni.sat.s16.f64"),
    form<to_integer<s16, double, Rounding::zero>>("cvt.rzi.s16.f64"),
    form<to_integer<s16, double, Rounding::zero>>("cvt.rzi.sat.s16.f64"),
    form<to_integer<s16, double, Rounding::down>>("cvt.rmi.s16.f64"),
    form<to_integer<s16, double, Rounding::down>>("cvt.rmi.sat.s16.f64"),
    form<to_integer<s16, double, Rounding::up>>("cvt.rpi.s16.f64"),
    form<to_integer<s16, double, Rounding::up>>("cvt.rpi.sat.s16.f64"),
    form<to_integer<u32, double, Rounding::nearest>>("cvt.rni.u32.f64"),
    form<to_integer<u32, double, Rounding::nearest>>("cvt.rni.sat.u32.f64"),
    form<to_integer<u32, double, Rounding::zero>>("cvt.rzi.u32.f64"),
    form<to_integer<u32, double, Rounding::zero>>("cvt.rzi.sat.u32.f64"),
    form<to_integer<u32, double, Rounding::down>>("cvt.rmi.u32.f64"),
    form<to_integer<u32, double, Rounding::down>>("cvt.rmi.sat.u32.f64"),
    form<to_integer<u32, double, Rounding::up>>("cvt.rpi.u32.f64"),
    form<to_integer<u32, double, Rounding::up>>("cvt.rpi.sat.u32.f64"),
    form<to_integer<s32, double, Rounding::nearest>>("cvt.rni.s32.f64"),
    form<to_integer<s32, double, Rounding::nearest>>("cvt.rni.sat.s32.f64"),
    form<to_integer<s32, double, Rounding::zero>>("cvt.rzi.s32.f64"),
    form<to_integer<s32, double, Rounding::zero>>("cvt.rzi.sat.s32.f64"),
    form<to_integer<s32, double, Rounding::down>>("cvt.rmi.s32.f64"),
    form<to_integer<s32, double, Rounding::down>>("cvt.rmi.sat.s32.f64"),
    form<to_integer<s32, double, Rounding::up>>("cvt.rpi.s32.f64"),
    form<to_integer<s32, double, Rounding::up>>("cvt.rpi.sat.s32.f64"),
    form<to_integer<u64, double, Rounding::nearest>>("cvt.rni.u64.f64"),
    form<to_integer<u64, double, Rounding::nearest>>("cvt.rni.sat.u64.f64"),
    form<to_integer<u64, double, Rounding::zero>>("cvt.rzi.u64.f64"),
    form<to_integer<u64, double, Rounding::zero>>("cvt.rzi.sat.u64.f64"),
    form<to_integer<u64, double, Rounding::down>>("cvt.rmi.u64.f64"),
    form<to_integer<u64, double, Rounding::down>>("cvt.rmi.sat.u64.f64"),
    form<to_integer<u64, double, Rounding::up>>("cvt.rpi.u64.f64"),
    form<to_integer<u64, double, Rounding::up>>("cvt.rpi.sat.u64.f64"),
    form<to_integer<s64, double, Rounding::nearest>>("cvt.rni.s64.f64"),
    form<to_integer<s64, double, Rounding::nearest>>("cvt.rni.sat.s64.f64"),
    form<to_integer<s64, double, Rounding::zero>>("cvt.rzi.s64.f64"),
    form<to_integer<s64, double, Rounding::zero>>("cvt.rzi.sat.s64.f64"),
    form<to_integer<s64, double, Rounding::down>>("cvt.rmi.s64.f64"),
    form<to_integer<s64, double, Rounding::down>>("cvt.rmi.sat.s64.f64"),
    form<to_integer<s64, double, Rounding::up>>("cvt.rpi.s64.f64"),
    form<to_integer<s64, double, Rounding::up>>("cvt.rpi.sat.s64.f64"),
    form<integral<float, Rounding::nearest>>("cvt.rni.f32.f32"),
    form<integral_flushed<Rounding::nearest>>("cvt.rni.ftz.f32.f32"),
    form<integral<double, Rounding::nearest>>("cvt.rni.f64.f64"),
    form<integral<float, Rounding::zero>>("cvt.rzi.f32.f32"),
    form<integral_flushed<Rounding::zero>>("cvt.rzi.ftz.f32.f32"),
    form<integral<double, Rounding::zero>>("cvt.rzi.f64.f64"),
    form<integral<float, Rounding::down>>("cvt.rmi.f32.f32"),
    form<integral_flushed<Rounding::down>>("cvt.rmi.ftz.f32.f32"),
    form<integral<double, Rounding::down>>("cvt.rmi.f64.f64"),
    form<integral<float, Rounding::up>>("cvt.rpi.f32.f32"),
    form<integral_flushed<Rounding::up>>("cvt.rpi.ftz.f32.f32"),
    form<integral<double, Rounding::up>>("cvt.rpi.f64.f64"),
    form<same<float>>("cvt.f32.f32"),
    form<same<double>>("cvt.f64.f64"),
    form<flush>("cvt.ftz.f32.f32"),
    form<saturate_single>("cvt.sat.f32.f32"),
    form<saturate_flushed>("cvt.sat.ftz.f32.f32"),
    form<saturate_flushed>("cvt.ftz.sat.f32.f32"),
    form<widen>("cvt.f64.f32"),
    form<widen_flushed>("cvt.ftz.f64.f32"),
    form<narrow>("cvt.rn.f32.f64"),
    form<narrow_flushed>("cvt.rn.ftz.f32.f64"),
};

}  // namespace

extern const FormTable convert_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
