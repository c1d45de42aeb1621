// Several integers in a register of 32 bits, and results that are kept from being negative.

#include <algorithm>
#include <iterator>

#include "emulator/instructions/integers.h"
#include "emulator/instructions/lane_by_lane.h"
#include "emulator/instructions/scalar_forms.h"

namespace lq::emulator {
namespace {

using namespace integers;

template <typename T>
T add(T a, T b) {
  return static_cast<T>(a + b);
}
template <typename T>
T min(T a, T b) {
  return std::min(a, b);
}
template <typename T>
T max(T a, T b) {
  return std::max(a, b);
}
template <typename T, T (*function)(T, T)>
T relu(T a, T b) {
  return std::max<T>(function(a, b), 0);
}

/// Both halves of the registers.
template <typename T, T (*function)(T, T)>
u32 pair(u32 a, u32 b) {
  const auto half = [&](int shift) {
    return u32{static_cast<u16>(function(static_cast<T>(a >> shift), static_cast<T>(b >> shift)))};
  };
  return half(16) << 16 | half(0);
}

/// The lowest position, counted from `base` in the direction of the offset's sign, of that many set
/// bits; all ones if there are fewer.
u32 find_nth_set(u32 mask, u32 base, s32 offset) {
  const auto is_set = [&](std::int64_t position) { return (mask >> position & 1) != 0; };
  if (offset == 0) return base < 32 && is_set(base) ? base : ~u32{0};
  const int step = offset > 0 ? 1 : -1;
  std::int64_t missing = offset > 0 ? std::int64_t{offset} : -std::int64_t{offset};
  for (std::int64_t position = base; position >= 0 && position < 32; position += step) {
    if (is_set(position) && --missing == 0) return static_cast<u32>(position);
  }
  return ~u32{0};
}

// Both orders of the modifiers are in use: the PTX ISA's own, and the compiler's.
constexpr Form forms[] = {
    lane_form<pair<u16, add<u16>>>("add.u16x2"),
    lane_form<pair<s16, add<s16>>>("add.s16x2"),
    lane_form<pair<u16, min<u16>>>("min.u16x2"),
    lane_form<pair<s16, min<s16>>>("min.s16x2"),
    lane_form<pair<u16, max<u16>>>("max.u16x2"),
    lane_form<pair<s16, max<s16>>>("max.s16x2"),
    lane_form<pair<s16, relu<s16, min<s16>>>>("min.relu.s16x2"),
    lane_form<pair<s16, relu<s16, max<s16>>>>("max.relu.s16x2"),
    lane_form<pair<s16, relu<s16, min<s16>>>>("min.s16x2.relu"),
    lane_form<pair<s16, relu<s16, max<s16>>>>("max.s16x2.relu"),
    lane_form<relu<s32, min<s32>>>("min.relu.s32"),
    lane_form<relu<s32, max<s32>>>("max.relu.s32"),
    lane_form<relu<s32, min<s32>>>("min.s32.relu"),
    lane_form<relu<s32, max<s32>>>("max.s32.relu"),
    lane_form<find_nth_set>("fns.b32"),
};

}  // namespace

const FormTable packed_integer_forms = {forms, std::size(forms)};

}  // namespace lq::emulator
