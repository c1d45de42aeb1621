// Conversions of floating-point numbers of 32 and 64 bits to integers, and to whole numbers of
// their own format.

#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/integer_ranges.h"
#include "emulator/instructions/single_modifiers.h"

namespace lq::emulator::LQNET_ISA {
namespace {

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

constexpr Form forms[] = {
    form<to_integer<u8, float, Rounding::nearest>>("cvt.rni.u8.f32"),
    form<to_integer<u8, float, Rounding::nearest>>("cvt.rni.sat.u8.f32"),
    form<flushed<to_integer<u8, float, Rounding::nearest>>>("cvt.rni.ftz.u8.f32"),
    form<to_integer<u8, float, Rounding::zero>>("cvt.rzi.u8.f32"),
    form<to_integer<u8, float, Rounding::zero>>("cvt.rzi.sat.u8.f32"),
    form<flushed<to_integer<u8, float, Rounding::zero>>>("cvt.rzi.ftz.u8.f32"),
    form<to_integer<u8, float, Rounding::down>>("cvt.rmi.u8.f32"),
    form<to_integer<u8, float, Rounding::down>>("cvt.rmi.sat.u8.f32"),
    form<flushed<to_integer<u8, float, Rounding::down>>>("cvt.rmi.ftz.u8.f32"),
    form<to_integer<u8, float, Rounding::up>>("cvt.rpi.u8.f32"),
    form<to_integer<u8, float, Rounding::up>>("cvt.rpi.sat.u8.f32"),
    form<flushed<to_integer<u8, float, Rounding::up>>>("cvt.rpi.ftz.u8.f32"),
    form<to_integer<s8, float, Rounding::nearest>>("cvt.rni.s8.f32"),
    form<to_integer<s8, float, Rounding::nearest>>("cvt.rni.sat.s8.f32"),
    form<flushed<to_integer<s8, float, Rounding::nearest>>>("cvt.rni.ftz.s8.f32"),
    form<to_integer<s8, float, Rounding::zero>>("cvt.rzi.s8.f32"),
    form<to_integer<s8, float, Rounding::zero>>("cvt.rzi.sat.s8.f32"),
    form<flushed<to_integer<s8, float, Rounding::zero>>>("cvt.rzi.ftz.s8.f32"),
    form<to_integer<s8, float, Rounding::down>>("cvt.rmi.s8.f32"),
    form<to_integer<s8, float, Rounding::down>>("cvt.rmi.sat.s8.f32"),
    form<flushed<to_integer<s8, float, Rounding::down>>>("cvt.rmi.ftz.s8.f32"),
    form<to_integer<s8, float, Rounding::up>>("cvt.rpi.s8.f32"),
    form<to_integer<s8, float, Rounding::up>>("cvt.rpi.sat.s8.f32"),
    form<flushed<to_integer<s8, float, Rounding::up>>>("cvt.rpi.ftz.s8.f32"),
    form<to_integer<u16, float, Rounding::nearest>>("cvt.rni.u16.f32"),
    form<to_integer<u16, float, Rounding::nearest>>("cvt.rni.sat.u16.f32"),
    form<flushed<to_integer<u16, float, Rounding::nearest>>>("cvt.rni.ftz.u16.f32"),
    form<to_integer<u16, float, Rounding::zero>>("cvt.rzi.u16.f32"),
    form<to_integer<u16, float, Rounding::zero>>("cvt.rzi.sat.u16.f32"),
    form<flushed<to_integer<u16, float, Rounding::zero>>>("cvt.rzi.ftz.u16.f32"),
    form<to_integer<u16, float, Rounding::down>>("cvt.rmi.u16.f32"),
    form<to_integer<u16, float, Rounding::down>>("cvt.rmi.sat.u16.f32"),
    form<flushed<to_integer<u16, float, Rounding::down>>>("cvt.rmi.ftz.u16.f32"),
    form<to_integer<u16, float, Rounding::up>>("cvt.rpi.u16.f32"),
    form<to_integer<u16, float, Rounding::up>>("cvt.rpi.sat.u16.f32"),
    form<flushed<to_integer<u16, float, Rounding::up>>>("cvt.rpi.ftz.u16.f32"),
    form<to_integer<s16, float, Rounding::nearest>>("cvt.rni.s16.f32"),
    form<to_integer<s16, float, Rounding::nearest>>("cvt.rni.sat.s16.f32"),
    form<flushed<to_integer<s16, float, Rounding::nearest>>>("cvt.rni.ftz.s16.f32"),
    form<to_integer<s16, float, Rounding::zero>>("cvt.rzi.s16.f32"),
    form<to_integer<s16, float, Rounding::zero>>("cvt.rzi.sat.s16.f32"),
    form<flushed<to_integer<s16, float, Rounding::zero>>>("cvt.rzi.ftz.s16.f32"),
    form<to_integer<s16, float, Rounding::down>>("cvt.rmi.s16.f32"),
    form<to_integer<s16, float, Rounding::down>>("cvt.rmi.sat.s16.f32"),
    form<flushed<to_integer<s16, float, Rounding::down>>>("cvt.rmi.ftz.s16.f32"),
    form<to_integer<s16, float, Rounding::up>>("cvt.rpi.s16.f32"),
    form<to_integer<s16, float, Rounding::up>>("cvt.rpi.sat.s16.f32"),
    form<flushed<to_integer<s16, float, Rounding::up>>>("cvt.rpi.ftz.s16.f32"),
    form<to_integer<u32, float, Rounding::nearest>>("cvt.rni.u32.f32"),
    form<to_integer<u32, float, Rounding::nearest>>("cvt.rni.sat.u32.f32"),
    form<flushed<to_integer<u32, float, Rounding::nearest>>>("cvt.rni.ftz.u32.f32"),
    form<to_integer<u32, float, Rounding::zero>>("cvt.rzi.u32.f32"),
    form<to_integer<u32, float, Rounding::zero>>("cvt.rzi.sat.u32.f32"),
    form<flushed<to_integer<u32, float, Rounding::zero>>>("cvt.rzi.ftz.u32.f32"),
    form<to_integer<u32, float, Rounding::down>>("cvt.rmi.u32.f32"),
    form<to_integer<u32, float, Rounding::down>>("cvt.rmi.sat.u32.f32"),
    form<flushed<to_integer<u32, float, Rounding::down>>>("cvt.rmi.ftz.u32.f32"),
    form<to_integer<u32, float, Rounding::up>>("cvt.rpi.u32.f32"),
    form<to_integer<u32, float, Rounding::up>>("cvt.rpi.sat.u32.f32"),
    form<flushed<to_integer<u32, float, Rounding::up>>>("cvt.rpi.ftz.u32.f32"),
    form<to_integer<s32, float, Rounding::nearest>>("cvt.rni.s32.f32"),
    form<to_integer<s32, float, Rounding::nearest>>("cvt.rni.sat.s32.f32"),
    form<flushed<to_integer<s32, float, Rounding::nearest>>>("cvt.rni.ftz.s32.f32"),
    form<to_integer<s32, float, Rounding::zero>>("cvt.rzi.s32.f32"),
    form<to_integer<s32, float, Rounding::zero>>("cvt.rzi.sat.s32.f32"),
    form<flushed<to_integer<s32, float, Rounding::zero>>>("cvt.rzi.ftz.s32.f32"),
    form<to_integer<s32, float, Rounding::down>>("cvt.rmi.s32.f32"),
    form<to_integer<s32, float, Rounding::down>>("cvt.rmi.sat.s32.f32"),
    form<flushed<to_integer<s32, float, Rounding::down>>>("cvt.rmi.ftz.s32.f32"),
    form<to_integer<s32, float, Rounding::up>>("cvt.rpi.s32.f32"),
    form<to_integer<s32, float, Rounding::up>>("cvt.rpi.sat.s32.f32"),
    form<flushed<to_integer<s32, float, Rounding::up>>>("cvt.rpi.ftz.s32.f32"),
    form<to_integer<u64, float, Rounding::nearest>>("cvt.rni.u64.f32"),
    form<to_integer<u64, float, Rounding::nearest>>("cvt.rni.sat.u64.f32"),
    form<flushed<to_integer<u64, float, Rounding::nearest>>>("cvt.rni.ftz.u64.f32"),
    form<to_integer<u64, float, Rounding::zero>>("cvt.rzi.u64.f32"),
    form<to_integer<u64, float, Rounding::zero>>("cvt.rzi.sat.u64.f32"),
    form<flushed<to_integer<u64, float, Rounding::zero>>>("cvt.rzi.ftz.u64.f32"),
    form<to_integer<u64, float, Rounding::down>>("cvt.rmi.u64.f32"),
    form<to_integer<u64, float, Rounding::down>>("cvt.rmi.sat.u64.f32"),
    form<flushed<to_integer<u64, float, Rounding::down>>>("cvt.rmi.ftz.u64.f32"),
    form<to_integer<u64, float, Rounding::up>>("cvt.rpi.u64.f32"),
    form<to_integer<u64, float, Rounding::up>>("cvt.rpi.sat.u64.f32"),
    form<flushed<to_integer<u64, float, Rounding::up>>>("cvt.rpi.ftz.u64.f32"),
    form<to_integer<s64, float, Rounding::nearest>>("cvt.rni.s64.f32"),
    form<to_integer<s64, float, Rounding::nearest>>("cvt.rni.sat.s64.f32"),
    form<flushed<to_integer<s64, float, Rounding::nearest>>>("cvt.rni.ftz.s64.f32"),
    form<to_integer<s64, float, Rounding::zero>>("cvt.rzi.s64.f32"),
    form<to_integer<s64, float, Rounding::zero>>("cvt.rzi.sat.s64.f32"),
    form<flushed<to_integer<s64, float, Rounding::zero>>>("cvt.rzi.ftz.s64.f32"),
    form<to_integer<s64, float, Rounding::down>>("cvt.rmi.s64.f32"),
    form<to_integer<s64, float, Rounding::down>>("cvt.rmi.sat.s64.f32"),
    form<flushed<to_integer<s64, float, Rounding::down>>>("cvt.rmi.ftz.s64.f32"),
    form<to_integer<s64, float, Rounding::up>>("cvt.rpi.s64.f32"),
    form<to_integer<s64, float, Rounding::up>>("cvt.rpi.sat.s64.f32"),
    form<flushed<to_integer<s64, float, Rounding::up>>>("cvt.rpi.ftz.s64.f32"),
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
    form<flushed<integral<float, Rounding::nearest>>>("cvt.rni.ftz.f32.f32"),
    form<integral<double, Rounding::nearest>>("cvt.rni.f64.f64"),
    form<integral<float, Rounding::zero>>("cvt.rzi.f32.f32"),
    form<flushed<integral<float, Rounding::zero>>>("cvt.rzi.ftz.f32.f32"),
    form<integral<double, Rounding::zero>>("cvt.rzi.f64.f64"),
    form<integral<float, Rounding::down>>("cvt.rmi.f32.f32"),
    form<flushed<integral<float, Rounding::down>>>("cvt.rmi.ftz.f32.f32"),
    form<integral<double, Rounding::down>>("cvt.rmi.f64.f64"),
    form<integral<float, Rounding::up>>("cvt.rpi.f32.f32"),
    form<flushed<integral<float, Rounding::up>>>("cvt.rpi.ftz.f32.f32"),
    form<integral<double, Rounding::up>>("cvt.rpi.f64.f64"),
};

}  // namespace

extern const FormTable to_integer_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
