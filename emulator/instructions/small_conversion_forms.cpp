// Conversions of 16-bit numbers that are not done for whole warps at once: to and from integers,
// and from wider numbers in every rounding direction.

#include <cmath>
#include <iterator>
#include <limits>

#include "emulator/instructions/integers.h"
#include "emulator/instructions/lane_by_lane.h"
#include "emulator/instructions/scalar_forms.h"
#include "emulator/instructions/small_float.h"

namespace lq::emulator {
namespace {

using namespace integers;

template <Rounding rounding>
double whole(double value) {
  switch (rounding) {
    case Rounding::nearest:
      return std::nearbyint(value);
    case Rounding::zero:
      return std::trunc(value);
    case Rounding::down:
      return std::floor(value);
    default:
      return std::ceil(value);
  }
}

/// Values outside of the type's range give its nearest value, and what is no number gives 0.
template <typename F, typename T, Rounding rounding>
RegisterOf<T> to_integer(u16 a) {
  const long double value = whole<rounding>(F::widen(a));
  using Limits = std::numeric_limits<T>;
  if (std::isnan(value)) return 0;
  if (value >= static_cast<long double>(Limits::max())) return Limits::max();
  if (value <= static_cast<long double>(Limits::min())) return Limits::min();
  return static_cast<T>(value);
}
template <typename F, Rounding rounding>
u16 integral(u16 a) {
  return static_cast<u16>(F::round(whole<rounding>(F::widen(a)), Rounding::nearest));
}
template <typename F, typename T, Rounding rounding>
u16 from_integer(RegisterOf<T> a) {
  return static_cast<u16>(F::round(static_cast<T>(a), rounding));
}
template <typename F, typename T, Rounding rounding>
u16 from_floating(T a) {
  return static_cast<u16>(F::round(a, rounding));
}
template <typename F>
double widened(u16 a) {
  return F::widen(a);
}
template <typename F, Rounding rounding, bool relu>
u32 pair_from_single(float high, float low) {
  const auto half = [](float a) { return relu && a <= 0 ? 0 : F::round(a, rounding); };
  return half(high) << 16 | half(low);
}

constexpr Form forms[] = {
    lane_form<to_integer<Binary16, u8, Rounding::nearest>>("cvt.rni.u8.f16"),
    lane_form<to_integer<Binary16, s8, Rounding::nearest>>("cvt.rni.s8.f16"),
    lane_form<to_integer<Binary16, u16, Rounding::nearest>>("cvt.rni.u16.f16"),
    lane_form<to_integer<Binary16, s16, Rounding::nearest>>("cvt.rni.s16.f16"),
    lane_form<to_integer<Binary16, u32, Rounding::nearest>>("cvt.rni.u32.f16"),
    lane_form<to_integer<Binary16, s32, Rounding::nearest>>("cvt.rni.s32.f16"),
    lane_form<to_integer<Binary16, u64, Rounding::nearest>>("cvt.rni.u64.f16"),
    lane_form<to_integer<Binary16, s64, Rounding::nearest>>("cvt.rni.s64.f16"),
    lane_form<to_integer<Binary16, u8, Rounding::zero>>("cvt.rzi.u8.f16"),
    lane_form<to_integer<Binary16, s8, Rounding::zero>>("cvt.rzi.s8.f16"),
    lane_form<to_integer<Binary16, u16, Rounding::zero>>("cvt.rzi.u16.f16"),
    lane_form<to_integer<Binary16, s16, Rounding::zero>>("cvt.rzi.s16.f16"),
    lane_form<to_integer<Binary16, u32, Rounding::zero>>("cvt.rzi.u32.f16"),
    lane_form<to_integer<Binary16, s32, Rounding::zero>>("cvt.rzi.s32.f16"),
    lane_form<to_integer<Binary16, u64, Rounding::zero>>("cvt.rzi.u64.f16"),
    lane_form<to_integer<Binary16, s64, Rounding::zero>>("cvt.rzi.s64.f16"),
    lane_form<to_integer<Binary16, u8, Rounding::down>>("cvt.rmi.u8.f16"),
    lane_form<to_integer<Binary16, s8, Rounding::down>>("cvt.rmi.s8.f16"),
    lane_form<to_integer<Binary16, u16, Rounding::down>>("cvt.rmi.u16.f16"),
    lane_form<to_integer<Binary16, s16, Rounding::down>>("cvt.rmi.s16.f16"),
    lane_form<to_integer<Binary16, u32, Rounding::down>>("cvt.rmi.u32.f16"),
    lane_form<to_integer<Binary16, s32, Rounding::down>>("cvt.rmi.s32.f16"),
    lane_form<to_integer<Binary16, u64, Rounding::down>>("cvt.rmi.u64.f16"),
    lane_form<to_integer<Binary16, s64, Rounding::down>>("cvt.rmi.s64.f16"),
    lane_form<to_integer<Binary16, u8, Rounding::up>>("cvt.rpi.u8.f16"),
    lane_form<to_integer<Binary16, s8, Rounding::up>>("cvt.rpi.s8.f16"),
    lane_form<to_integer<Binary16, u16, Rounding::up>>("cvt.rpi.u16.f16"),
    lane_form<to_integer<Binary16, s16, Rounding::up>>("cvt.rpi.s16.f16"),
    lane_form<to_integer<Binary16, u32, Rounding::up>>("cvt.rpi.u32.f16"),
    lane_form<to_integer<Binary16, s32, Rounding::up>>("cvt.rpi.s32.f16"),
    lane_form<to_integer<Binary16, u64, Rounding::up>>("cvt.rpi.u64.f16"),
    lane_form<to_integer<Binary16, s64, Rounding::up>>("cvt.rpi.s64.f16"),
    lane_form<integral<Binary16, Rounding::nearest>>("cvt.rni.f16.f16"),
    lane_form<integral<Binary16, Rounding::zero>>("cvt.rzi.f16.f16"),
    lane_form<integral<Binary16, Rounding::down>>("cvt.rmi.f16.f16"),
    lane_form<integral<Binary16, Rounding::up>>("cvt.rpi.f16.f16"),
    lane_form<from_integer<Binary16, u8, Rounding::nearest>>("cvt.rn.f16.u8"),
    lane_form<from_integer<Binary16, s8, Rounding::nearest>>("cvt.rn.f16.s8"),
    lane_form<from_integer<Binary16, u16, Rounding::nearest>>("cvt.rn.f16.u16"),
    lane_form<from_integer<Binary16, s16, Rounding::nearest>>("cvt.rn.f16.s16"),
    lane_form<from_integer<Binary16, u32, Rounding::nearest>>("cvt.rn.f16.u32"),
    lane_form<from_integer<Binary16, s32, Rounding::nearest>>("cvt.rn.f16.s32"),
    lane_form<from_integer<Binary16, u64, Rounding::nearest>>("cvt.rn.f16.u64"),
    lane_form<from_integer<Binary16, s64, Rounding::nearest>>("cvt.rn.f16.s64"),
    lane_form<from_integer<Binary16, u8, Rounding::zero>>("cvt.rz.f16.u8"),
    lane_form<from_integer<Binary16, s8, Rounding::zero>>("cvt.rz.f16.s8"),
    lane_form<from_integer<Binary16, u16, Rounding::zero>>("cvt.rz.f16.u16"),
    lane_form<from_integer<Binary16, s16, Rounding::zero>>("cvt.rz.f16.s16"),
    lane_form<from_integer<Binary16, u32, Rounding::zero>>("cvt.rz.f16.u32"),
    lane_form<from_integer<Binary16, s32, Rounding::zero>>("cvt.rz.f16.s32"),
    lane_form<from_integer<Binary16, u64, Rounding::zero>>("cvt.rz.f16.u64"),
    lane_form<from_integer<Binary16, s64, Rounding::zero>>("cvt.rz.f16.s64"),
    lane_form<from_integer<Binary16, u8, Rounding::down>>("cvt.rm.f16.u8"),
    lane_form<from_integer<Binary16, s8, Rounding::down>>("cvt.rm.f16.s8"),
    lane_form<from_integer<Binary16, u16, Rounding::down>>("cvt.rm.f16.u16"),
    lane_form<from_integer<Binary16, s16, Rounding::down>>("cvt.rm.f16.s16"),
    lane_form<from_integer<Binary16, u32, Rounding::down>>("cvt.rm.f16.u32"),
    lane_form<from_integer<Binary16, s32, Rounding::down>>("cvt.rm.f16.s32"),
    lane_form<from_integer<Binary16, u64, Rounding::down>>("cvt.rm.f16.u64"),
    lane_form<from_integer<Binary16, s64, Rounding::down>>("cvt.rm.f16.s64"),
    lane_form<from_integer<Binary16, u8, Rounding::up>>("cvt.rp.f16.u8"),
    lane_form<from_integer<Binary16, s8, Rounding::up>>("cvt.rp.f16.s8"),
    lane_form<from_integer<Binary16, u16, Rounding::up>>("cvt.rp.f16.u16"),
    lane_form<from_integer<Binary16, s16, Rounding::up>>("cvt.rp.f16.s16"),
    lane_form<from_integer<Binary16, u32, Rounding::up>>("cvt.rp.f16.u32"),
    lane_form<from_integer<Binary16, s32, Rounding::up>>("cvt.rp.f16.s32"),
    lane_form<from_integer<Binary16, u64, Rounding::up>>("cvt.rp.f16.u64"),
    lane_form<from_integer<Binary16, s64, Rounding::up>>("cvt.rp.f16.s64"),
    lane_form<from_floating<Binary16, float, Rounding::zero>>("cvt.rz.f16.f32"),
    lane_form<from_floating<Binary16, float, Rounding::down>>("cvt.rm.f16.f32"),
    lane_form<from_floating<Binary16, float, Rounding::up>>("cvt.rp.f16.f32"),
    lane_form<from_floating<Binary16, double, Rounding::zero>>("cvt.rz.f16.f64"),
    lane_form<from_floating<Binary16, double, Rounding::down>>("cvt.rm.f16.f64"),
    lane_form<from_floating<Binary16, double, Rounding::up>>("cvt.rp.f16.f64"),
    lane_form<pair_from_single<Binary16, Rounding::nearest, true>>("cvt.rn.relu.f16x2.f32"),
    lane_form<pair_from_single<Binary16, Rounding::zero, false>>("cvt.rz.f16x2.f32"),
    lane_form<pair_from_single<Binary16, Rounding::zero, true>>("cvt.rz.relu.f16x2.f32"),
    lane_form<to_integer<Bfloat16, u8, Rounding::nearest>>("cvt.rni.u8.bf16"),
    lane_form<to_integer<Bfloat16, s8, Rounding::nearest>>("cvt.rni.s8.bf16"),
    lane_form<to_integer<Bfloat16, u16, Rounding::nearest>>("cvt.rni.u16.bf16"),
    lane_form<to_integer<Bfloat16, s16, Rounding::nearest>>("cvt.rni.s16.bf16"),
    lane_form<to_integer<Bfloat16, u32, Rounding::nearest>>("cvt.rni.u32.bf16"),
    lane_form<to_integer<Bfloat16, s32, Rounding::nearest>>("cvt.rni.s32.bf16"),
    lane_form<to_integer<Bfloat16, u64, Rounding::nearest>>("cvt.rni.u64.bf16"),
    lane_form<to_integer<Bfloat16, s64, Rounding::nearest>>("cvt.rni.s64.bf16"),
    lane_form<to_integer<Bfloat16, u8, Rounding::zero>>("cvt.rzi.u8.bf16"),
    lane_form<to_integer<Bfloat16, s8, Rounding::zero>>("cvt.rzi.s8.bf16"),
    lane_form<to_integer<Bfloat16, u16, Rounding::zero>>("cvt.rzi.u16.bf16"),
    lane_form<to_integer<Bfloat16, s16, Rounding::zero>>("cvt.rzi.s16.bf16"),
    lane_form<to_integer<Bfloat16, u32, Rounding::zero>>("cvt.rzi.u32.bf16"),
    lane_form<to_integer<Bfloat16, s32, Rounding::zero>>("cvt.rzi.s32.bf16"),
    lane_form<to_integer<Bfloat16, u64, Rounding::zero>>("cvt.rzi.u64.bf16"),
    lane_form<to_integer<Bfloat16, s64, Rounding::zero>>("cvt.rzi.s64.bf16"),
    lane_form<to_integer<Bfloat16, u8, Rounding::down>>("cvt.rmi.u8.bf16"),
    lane_form<to_integer<Bfloat16, s8, Rounding::down>>("cvt.rmi.s8.bf16"),
    lane_form<to_integer<Bfloat16, u16, Rounding::down>>("cvt.rmi.u16.bf16"),
    lane_form<to_integer<Bfloat16, s16, Rounding::down>>("cvt.rmi.s16.bf16"),
    lane_form<to_integer<Bfloat16, u32, Rounding::down>>("cvt.rmi.u32.bf16"),
    lane_form<to_integer<Bfloat16, s32, Rounding::down>>("cvt.rmi.s32.bf16"),
    lane_form<to_integer<Bfloat16, u64, Rounding::down>>("cvt.rmi.u64.bf16"),
    lane_form<to_integer<Bfloat16, s64, Rounding::down>>("cvt.rmi.s64.bf16"),
    lane_form<to_integer<Bfloat16, u8, Rounding::up>>("cvt.rpi.u8.bf16"),
    lane_form<to_integer<Bfloat16, s8, Rounding::up>>("cvt.rpi.s8.bf16"),
    lane_form<to_integer<Bfloat16, u16, Rounding::up>>("cvt.rpi.u16.bf16"),
    lane_form<to_integer<Bfloat16, s16, Rounding::up>>("cvt.rpi.s16.bf16"),
    lane_form<to_integer<Bfloat16, u32, Rounding::up>>("cvt.rpi.u32.bf16"),
    lane_form<to_integer<Bfloat16, s32, Rounding::up>>("cvt.rpi.s32.bf16"),
    lane_form<to_integer<Bfloat16, u64, Rounding::up>>("cvt.rpi.u64.bf16"),
    lane_form<to_integer<Bfloat16, s64, Rounding::up>>("cvt.rpi.s64.bf16"),
    lane_form<integral<Bfloat16, Rounding::nearest>>("cvt.rni.bf16.bf16"),
    lane_form<integral<Bfloat16, Rounding::zero>>("cvt.rzi.bf16.bf16"),
    lane_form<integral<Bfloat16, Rounding::down>>("cvt.rmi.bf16.bf16"),
    lane_form<integral<Bfloat16, Rounding::up>>("cvt.rpi.bf16.bf16"),
    lane_form<from_integer<Bfloat16, u8, Rounding::nearest>>("cvt.rn.bf16.u8"),
    lane_form<from_integer<Bfloat16, s8, Rounding::nearest>>("cvt.rn.bf16.s8"),
    lane_form<from_integer<Bfloat16, u16, Rounding::nearest>>("cvt.rn.bf16.u16"),
    lane_form<from_integer<Bfloat16, s16, Rounding::nearest>>("cvt.rn.bf16.s16"),
    lane_form<from_integer<Bfloat16, u32, Rounding::nearest>>("cvt.rn.bf16.u32"),
    lane_form<from_integer<Bfloat16, s32, Rounding::nearest>>("cvt.rn.bf16.s32"),
    lane_form<from_integer<Bfloat16, u64, Rounding::nearest>>("cvt.rn.bf16.u64"),
    lane_form<from_integer<Bfloat16, s64, Rounding::nearest>>("cvt.rn.bf16.s64"),
    lane_form<from_integer<Bfloat16, u8, Rounding::zero>>("cvt.rz.bf16.u8"),
    lane_form<from_integer<Bfloat16, s8, Rounding::zero>>("cvt.rz.bf16.s8"),
    lane_form<from_integer<Bfloat16, u16, Rounding::zero>>("cvt.rz.bf16.u16"),
    lane_form<from_integer<Bfloat16, s16, Rounding::zero>>("cvt.rz.bf16.s16"),
    lane_form<from_integer<Bfloat16, u32, Rounding::zero>>("cvt.rz.bf16.u32"),
    lane_form<from_integer<Bfloat16, s32, Rounding::zero>>("cvt.rz.bf16.s32"),
    lane_form<from_integer<Bfloat16, u64, Rounding::zero>>("cvt.rz.bf16.u64"),
    lane_form<from_integer<Bfloat16, s64, Rounding::zero>>("cvt.rz.bf16.s64"),
    lane_form<from_integer<Bfloat16, u8, Rounding::down>>("cvt.rm.bf16.u8"),
    lane_form<from_integer<Bfloat16, s8, Rounding::down>>("cvt.rm.bf16.s8"),
    lane_form<from_integer<Bfloat16, u16, Rounding::down>>("cvt.rm.bf16.u16"),
    lane_form<from_integer<Bfloat16, s16, Rounding::down>>("cvt.rm.bf16.s16"),
    lane_form<from_integer<Bfloat16, u32, Rounding::down>>("cvt.rm.bf16.u32"),
    lane_form<from_integer<Bfloat16, s32, Rounding::down>>("cvt.rm.bf16.s32"),
    lane_form<from_integer<Bfloat16, u64, Rounding::down>>("cvt.rm.bf16.u64"),
    lane_form<from_integer<Bfloat16, s64, Rounding::down>>("cvt.rm.bf16.s64"),
    lane_form<from_integer<Bfloat16, u8, Rounding::up>>("cvt.rp.bf16.u8"),
    lane_form<from_integer<Bfloat16, s8, Rounding::up>>("cvt.rp.bf16.s8"),
    lane_form<from_integer<Bfloat16, u16, Rounding::up>>("cvt.rp.bf16.u16"),
    lane_form<from_integer<Bfloat16, s16, Rounding::up>>("cvt.rp.bf16.s16"),
    lane_form<from_integer<Bfloat16, u32, Rounding::up>>("cvt.rp.bf16.u32"),
    lane_form<from_integer<Bfloat16, s32, Rounding::up>>("cvt.rp.bf16.s32"),
    lane_form<from_integer<Bfloat16, u64, Rounding::up>>("cvt.rp.bf16.u64"),
    lane_form<from_integer<Bfloat16, s64, Rounding::up>>("cvt.rp.bf16.s64"),
    lane_form<from_floating<Bfloat16, float, Rounding::zero>>("cvt.rz.bf16.f32"),
    lane_form<from_floating<Bfloat16, float, Rounding::down>>("cvt.rm.bf16.f32"),
    lane_form<from_floating<Bfloat16, float, Rounding::up>>("cvt.rp.bf16.f32"),
    lane_form<from_floating<Bfloat16, double, Rounding::nearest>>("cvt.rn.bf16.f64"),
    lane_form<from_floating<Bfloat16, double, Rounding::zero>>("cvt.rz.bf16.f64"),
    lane_form<from_floating<Bfloat16, double, Rounding::down>>("cvt.rm.bf16.f64"),
    lane_form<from_floating<Bfloat16, double, Rounding::up>>("cvt.rp.bf16.f64"),
    lane_form<widened<Bfloat16>>("cvt.f64.bf16"),
    lane_form<pair_from_single<Bfloat16, Rounding::nearest, true>>("cvt.rn.relu.bf16x2.f32"),
    lane_form<pair_from_single<Bfloat16, Rounding::zero, false>>("cvt.rz.bf16x2.f32"),
    lane_form<pair_from_single<Bfloat16, Rounding::zero, true>>("cvt.rz.relu.bf16x2.f32"),
};

}  // namespace

const FormTable small_conversion_forms = {forms, std::size(forms)};

}  // namespace lq::emulator
