// Conversions to and from formats that programs hold in packs: e4m3 and e5m2 in pairs, tf32,
// integers that are clamped and packed.

#include <algorithm>
#include <bit>
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

template <typename F, bool relu>
u32 byte_of(double value) {
  return relu && value <= 0 ? 0 : F::round(value, Rounding::nearest, true);
}
template <typename F, bool relu>
u16 from_singles(float high, float low) {
  return static_cast<u16>(byte_of<F, relu>(high) << 8 | byte_of<F, relu>(low));
}
template <typename F, bool relu>
u16 from_halves(u32 pair) {
  return static_cast<u16>(byte_of<F, relu>(Binary16::widen(pair >> 16)) << 8 |
                          byte_of<F, relu>(Binary16::widen(pair & 0xFFFF)));
}
template <typename F, bool relu>
u32 to_halves(u16 pair) {
  const auto half = [](u32 byte) {
    const double value = F::widen(byte);
    return relu && value <= 0 ? 0 : Binary16::round(value, Rounding::nearest);
  };
  return half(pair >> 8) << 16 | half(pair & 0xFF);
}

/// 19 bits in the upper part of a register of 32.
template <Rounding rounding, bool relu>
u32 to_tf32(float a) {
  if (relu && a <= 0) return 0;
  if (std::isnan(a)) return 0x7FFFFFFF;
  return SmallFloat<8, 10>::round(a, rounding) << 13;
}

template <typename T>
u32 clamped(s32 a) {
  using Limits = std::numeric_limits<T>;
  return static_cast<std::make_unsigned_t<T>>(std::clamp<s32>(a, Limits::min(), Limits::max()));
}
/// The first operand is above the second.
template <typename T>
u32 pack_halves(s32 a, s32 b) {
  return clamped<T>(a) << 16 | clamped<T>(b);
}
/// The third moves up to make room.
template <typename T>
u32 pack_bytes(s32 a, s32 b, u32 c) {
  return c << 16 | clamped<T>(a) << 8 | clamped<T>(b);
}

constexpr Form forms[] = {
    lane_form<from_singles<E4m3, false>>("cvt.rn.satfinite.e4m3x2.f32"),
    lane_form<from_halves<E4m3, false>>("cvt.rn.satfinite.e4m3x2.f16x2"),
    lane_form<to_halves<E4m3, false>>("cvt.rn.f16x2.e4m3x2"),
    lane_form<from_singles<E4m3, true>>("cvt.rn.satfinite.relu.e4m3x2.f32"),
    lane_form<from_halves<E4m3, true>>("cvt.rn.satfinite.relu.e4m3x2.f16x2"),
    lane_form<to_halves<E4m3, true>>("cvt.rn.relu.f16x2.e4m3x2"),
    lane_form<from_singles<E5m2, false>>("cvt.rn.satfinite.e5m2x2.f32"),
    lane_form<from_halves<E5m2, false>>("cvt.rn.satfinite.e5m2x2.f16x2"),
    lane_form<to_halves<E5m2, false>>("cvt.rn.f16x2.e5m2x2"),
    lane_form<from_singles<E5m2, true>>("cvt.rn.satfinite.relu.e5m2x2.f32"),
    lane_form<from_halves<E5m2, true>>("cvt.rn.satfinite.relu.e5m2x2.f16x2"),
    lane_form<to_halves<E5m2, true>>("cvt.rn.relu.f16x2.e5m2x2"),
    lane_form<to_tf32<Rounding::nearest, false>>("cvt.rn.tf32.f32"),
    lane_form<to_tf32<Rounding::nearest, true>>("cvt.rn.relu.tf32.f32"),
    lane_form<to_tf32<Rounding::zero, false>>("cvt.rz.tf32.f32"),
    lane_form<to_tf32<Rounding::zero, true>>("cvt.rz.relu.tf32.f32"),
    lane_form<pack_halves<s16>>("cvt.pack.sat.s16.s32"),
    lane_form<pack_halves<u16>>("cvt.pack.sat.u16.s32"),
    lane_form<pack_bytes<s8>>("cvt.pack.sat.s8.s32.b32"),
    lane_form<pack_bytes<u8>>("cvt.pack.sat.u8.s32.b32"),
};

}  // namespace

const FormTable packed_conversion_forms = {forms, std::size(forms)};

}  // namespace lq::emulator
