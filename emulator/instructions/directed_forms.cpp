// Floating-point arithmetic that rounds up, down or towards zero. Compiled with -frounding-math:
// the processor's rounding direction is set around each operation.

#include <cfenv>
#include <cmath>
#include <iterator>

#include "emulator/instructions/lane_by_lane.h"
#include "emulator/instructions/scalar_forms.h"
#include "emulator/instructions/single_modifiers.h"

namespace lq::emulator {
namespace {

class RoundingDirection {
 public:
  explicit RoundingDirection(int direction) : before_(std::fegetround()) {
    std::fesetround(direction);
  }
  ~RoundingDirection() { std::fesetround(before_); }
  RoundingDirection(const RoundingDirection&) = delete;
  RoundingDirection& operator=(const RoundingDirection&) = delete;

 private:
  int before_;
};

/// Keeps the calculation between the changes of direction.
template <typename T>
T held(T value) {
  volatile T copy = value;
  return copy;
}

template <typename T>
T canonical(T value) {
  return std::isnan(value) && sizeof(T) == 4 ? static_cast<T>(std::bit_cast<float>(0x7FFFFFFFU))
                                             : value;
}

template <typename T, int direction>
T add(T a, T b) {
  const RoundingDirection scope(direction);
  return canonical(held(held(a) + held(b)));
}
template <typename T, int direction>
T sub(T a, T b) {
  const RoundingDirection scope(direction);
  return canonical(held(held(a) - held(b)));
}
template <typename T, int direction>
T mul(T a, T b) {
  const RoundingDirection scope(direction);
  return canonical(held(held(a) * held(b)));
}
template <typename T, int direction>
T div(T a, T b) {
  const RoundingDirection scope(direction);
  return canonical(held(held(a) / held(b)));
}
template <typename T, int direction>
T fma(T a, T b, T c) {
  const RoundingDirection scope(direction);
  return canonical(held(std::fma(held(a), held(b), held(c))));
}
template <typename T, int direction>
T sqrt(T a) {
  const RoundingDirection scope(direction);
  return canonical(held(std::sqrt(held(a))));
}
template <typename T, int direction>
T rcp(T a) {
  return div<T, direction>(1, a);
}
template <typename To, typename From, int direction>
To convert(From a) {
  const RoundingDirection scope(direction);
  return held(static_cast<To>(held(a)));
}

constexpr Form forms[] = {
    lane_form<add<float, FE_TOWARDZERO>>("add.rz.f32"),
    lane_form<sub<float, FE_TOWARDZERO>>("sub.rz.f32"),
    lane_form<mul<float, FE_TOWARDZERO>>("mul.rz.f32"),
    lane_form<div<float, FE_TOWARDZERO>>("div.rz.f32"),
    lane_form<fma<float, FE_TOWARDZERO>>("fma.rz.f32"),
    lane_form<sqrt<float, FE_TOWARDZERO>>("sqrt.rz.f32"),
    lane_form<rcp<float, FE_TOWARDZERO>>("rcp.rz.f32"),
    lane_form<convert<float, std::uint32_t, FE_TOWARDZERO>>("cvt.rz.f32.u32"),
    lane_form<convert<float, std::int32_t, FE_TOWARDZERO>>("cvt.rz.f32.s32"),
    lane_form<convert<float, std::uint64_t, FE_TOWARDZERO>>("cvt.rz.f32.u64"),
    lane_form<convert<float, std::int64_t, FE_TOWARDZERO>>("cvt.rz.f32.s64"),
    lane_form<add<double, FE_TOWARDZERO>>("add.rz.f64"),
    lane_form<sub<double, FE_TOWARDZERO>>("sub.rz.f64"),
    lane_form<mul<double, FE_TOWARDZERO>>("mul.rz.f64"),
    lane_form<div<double, FE_TOWARDZERO>>("div.rz.f64"),
    lane_form<fma<double, FE_TOWARDZERO>>("fma.rz.f64"),
    lane_form<sqrt<double, FE_TOWARDZERO>>("sqrt.rz.f64"),
    lane_form<rcp<double, FE_TOWARDZERO>>("rcp.rz.f64"),
    lane_form<convert<double, std::uint32_t, FE_TOWARDZERO>>("cvt.rz.f64.u32"),
    lane_form<convert<double, std::int32_t, FE_TOWARDZERO>>("cvt.rz.f64.s32"),
    lane_form<convert<double, std::uint64_t, FE_TOWARDZERO>>("cvt.rz.f64.u64"),
    lane_form<convert<double, std::int64_t, FE_TOWARDZERO>>("cvt.rz.f64.s64"),
    lane_form<flushed<add<float, FE_TOWARDZERO>>>("add.rz.ftz.f32"),
    lane_form<flushed<sub<float, FE_TOWARDZERO>>>("sub.rz.ftz.f32"),
    lane_form<flushed<mul<float, FE_TOWARDZERO>>>("mul.rz.ftz.f32"),
    lane_form<flushed<div<float, FE_TOWARDZERO>>>("div.rz.ftz.f32"),
    lane_form<flushed<fma<float, FE_TOWARDZERO>>>("fma.rz.ftz.f32"),
    lane_form<convert<float, double, FE_TOWARDZERO>>("cvt.rz.f32.f64"),
    lane_form<add<float, FE_DOWNWARD>>("add.rm.f32"),
    lane_form<sub<float, FE_DOWNWARD>>("sub.rm.f32"),
    lane_form<mul<float, FE_DOWNWARD>>("mul.rm.f32"),
    lane_form<div<float, FE_DOWNWARD>>("div.rm.f32"),
    lane_form<fma<float, FE_DOWNWARD>>("fma.rm.f32"),
    lane_form<sqrt<float, FE_DOWNWARD>>("sqrt.rm.f32"),
    lane_form<rcp<float, FE_DOWNWARD>>("rcp.rm.f32"),
    lane_form<convert<float, std::uint32_t, FE_DOWNWARD>>("cvt.rm.f32.u32"),
    lane_form<convert<float, std::int32_t, FE_DOWNWARD>>("cvt.rm.f32.s32"),
    lane_form<convert<float, std::uint64_t, FE_DOWNWARD>>("cvt.rm.f32.u64"),
    lane_form<convert<float, std::int64_t, FE_DOWNWARD>>("cvt.rm.f32.s64"),
    lane_form<add<double, FE_DOWNWARD>>("add.rm.f64"),
    lane_form<sub<double, FE_DOWNWARD>>("sub.rm.f64"),
    lane_form<mul<double, FE_DOWNWARD>>("mul.rm.f64"),
    lane_form<div<double, FE_DOWNWARD>>("div.rm.f64"),
    lane_form<fma<double, FE_DOWNWARD>>("fma.rm.f64"),
    lane_form<sqrt<double, FE_DOWNWARD>>("sqrt.rm.f64"),
    lane_form<rcp<double, FE_DOWNWARD>>("rcp.rm.f64"),
    lane_form<convert<double, std::uint32_t, FE_DOWNWARD>>("cvt.rm.f64.u32"),
    lane_form<convert<double, std::int32_t, FE_DOWNWARD>>("cvt.rm.f64.s32"),
    lane_form<convert<double, std::uint64_t, FE_DOWNWARD>>("cvt.rm.f64.u64"),
    lane_form<convert<double, std::int64_t, FE_DOWNWARD>>("cvt.rm.f64.s64"),
    lane_form<flushed<add<float, FE_DOWNWARD>>>("add.rm.ftz.f32"),
    lane_form<flushed<sub<float, FE_DOWNWARD>>>("sub.rm.ftz.f32"),
    lane_form<flushed<mul<float, FE_DOWNWARD>>>("mul.rm.ftz.f32"),
    lane_form<flushed<div<float, FE_DOWNWARD>>>("div.rm.ftz.f32"),
    lane_form<flushed<fma<float, FE_DOWNWARD>>>("fma.rm.ftz.f32"),
    lane_form<convert<float, double, FE_DOWNWARD>>("cvt.rm.f32.f64"),
    lane_form<add<float, FE_UPWARD>>("add.rp.f32"),
    lane_form<sub<float, FE_UPWARD>>("sub.rp.f32"),
    lane_form<mul<float, FE_UPWARD>>("mul.rp.f32"),
    lane_form<div<float, FE_UPWARD>>("div.rp.f32"),
    lane_form<fma<float, FE_UPWARD>>("fma.rp.f32"),
    lane_form<sqrt<float, FE_UPWARD>>("sqrt.rp.f32"),
    lane_form<rcp<float, FE_UPWARD>>("rcp.rp.f32"),
    lane_form<convert<float, std::uint32_t, FE_UPWARD>>("cvt.rp.f32.u32"),
    lane_form<convert<float, std::int32_t, FE_UPWARD>>("cvt.rp.f32.s32"),
    lane_form<convert<float, std::uint64_t, FE_UPWARD>>("cvt.rp.f32.u64"),
    lane_form<convert<float, std::int64_t, FE_UPWARD>>("cvt.rp.f32.s64"),
    lane_form<add<double, FE_UPWARD>>("add.rp.f64"),
    lane_form<sub<double, FE_UPWARD>>("sub.rp.f64"),
    lane_form<mul<double, FE_UPWARD>>("mul.rp.f64"),
    lane_form<div<double, FE_UPWARD>>("div.rp.f64"),
    lane_form<fma<double, FE_UPWARD>>("fma.rp.f64"),
    lane_form<sqrt<double, FE_UPWARD>>("sqrt.rp.f64"),
    lane_form<rcp<double, FE_UPWARD>>("rcp.rp.f64"),
    lane_form<convert<double, std::uint32_t, FE_UPWARD>>("cvt.rp.f64.u32"),
    lane_form<convert<double, std::int32_t, FE_UPWARD>>("cvt.rp.f64.s32"),
    lane_form<convert<double, std::uint64_t, FE_UPWARD>>("cvt.rp.f64.u64"),
    lane_form<convert<double, std::int64_t, FE_UPWARD>>("cvt.rp.f64.s64"),
    lane_form<flushed<add<float, FE_UPWARD>>>("add.rp.ftz.f32"),
    lane_form<flushed<sub<float, FE_UPWARD>>>("sub.rp.ftz.f32"),
    lane_form<flushed<mul<float, FE_UPWARD>>>("mul.rp.ftz.f32"),
    lane_form<flushed<div<float, FE_UPWARD>>>("div.rp.ftz.f32"),
    lane_form<flushed<fma<float, FE_UPWARD>>>("fma.rp.ftz.f32"),
    lane_form<convert<float, double, FE_UPWARD>>("cvt.rp.f32.f64"),
    lane_form<pair_of_singles<add<float, FE_TOWARDZERO>>>("add.rz.f32x2"),
    lane_form<pair_of_singles<flushed<add<float, FE_TOWARDZERO>>>>("add.rz.ftz.f32x2"),
    lane_form<pair_of_singles<sub<float, FE_TOWARDZERO>>>("sub.rz.f32x2"),
    lane_form<pair_of_singles<flushed<sub<float, FE_TOWARDZERO>>>>("sub.rz.ftz.f32x2"),
    lane_form<pair_of_singles<mul<float, FE_TOWARDZERO>>>("mul.rz.f32x2"),
    lane_form<pair_of_singles<flushed<mul<float, FE_TOWARDZERO>>>>("mul.rz.ftz.f32x2"),
    lane_form<pair_of_singles<fma<float, FE_TOWARDZERO>>>("fma.rz.f32x2"),
    lane_form<pair_of_singles<flushed<fma<float, FE_TOWARDZERO>>>>("fma.rz.ftz.f32x2"),
    lane_form<pair_of_singles<add<float, FE_DOWNWARD>>>("add.rm.f32x2"),
    lane_form<pair_of_singles<flushed<add<float, FE_DOWNWARD>>>>("add.rm.ftz.f32x2"),
    lane_form<pair_of_singles<sub<float, FE_DOWNWARD>>>("sub.rm.f32x2"),
    lane_form<pair_of_singles<flushed<sub<float, FE_DOWNWARD>>>>("sub.rm.ftz.f32x2"),
    lane_form<pair_of_singles<mul<float, FE_DOWNWARD>>>("mul.rm.f32x2"),
    lane_form<pair_of_singles<flushed<mul<float, FE_DOWNWARD>>>>("mul.rm.ftz.f32x2"),
    lane_form<pair_of_singles<fma<float, FE_DOWNWARD>>>("fma.rm.f32x2"),
    lane_form<pair_of_singles<flushed<fma<float, FE_DOWNWARD>>>>("fma.rm.ftz.f32x2"),
    lane_form<pair_of_singles<add<float, FE_UPWARD>>>("add.rp.f32x2"),
    lane_form<pair_of_singles<flushed<add<float, FE_UPWARD>>>>("add.rp.ftz.f32x2"),
    lane_form<pair_of_singles<sub<float, FE_UPWARD>>>("sub.rp.f32x2"),
    lane_form<pair_of_singles<flushed<sub<float, FE_UPWARD>>>>("sub.rp.ftz.f32x2"),
    lane_form<pair_of_singles<mul<float, FE_UPWARD>>>("mul.rp.f32x2"),
    lane_form<pair_of_singles<flushed<mul<float, FE_UPWARD>>>>("mul.rp.ftz.f32x2"),
    lane_form<pair_of_singles<fma<float, FE_UPWARD>>>("fma.rp.f32x2"),
    lane_form<pair_of_singles<flushed<fma<float, FE_UPWARD>>>>("fma.rp.ftz.f32x2"),
};

}  // namespace

const FormTable directed_forms = {forms, std::size(forms)};

}  // namespace lq::emulator
