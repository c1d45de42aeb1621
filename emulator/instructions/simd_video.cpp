#include "emulator/instructions/simd_video.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <iterator>

#include "emulator/instructions/integers.h"

namespace lq::emulator {
namespace {

using namespace integers;

using Operation = int (*)(int, int);

struct NamedOperation {
  std::string_view name;
  Operation apply;
};

constexpr NamedOperation operations[] = {
    {"vadd", [](int a, int b) { return a + b; }},
    {"vsub", [](int a, int b) { return a - b; }},
    // Rounded away from zero.
    {"vavrg", [](int a, int b) { return (a + b + (a + b >= 0 ? 1 : 0)) >> 1; }},
    {"vabsdiff", [](int a, int b) { return std::abs(a - b); }},
    {"vmin", [](int a, int b) { return std::min(a, b); }},
    {"vmax", [](int a, int b) { return std::max(a, b); }},
    {"eq", [](int a, int b) { return a == b ? 1 : 0; }},
    {"ne", [](int a, int b) { return a != b ? 1 : 0; }},
    {"lt", [](int a, int b) { return a < b ? 1 : 0; }},
    {"le", [](int a, int b) { return a <= b ? 1 : 0; }},
    {"gt", [](int a, int b) { return a > b ? 1 : 0; }},
    {"ge", [](int a, int b) { return a >= b ? 1 : 0; }},
};

int part_of(u32 word, int index, int bits, bool is_signed) {
  const u32 part = word >> (index * bits) & ((1U << bits) - 1);
  return static_cast<int>(part) - (is_signed && (part >> (bits - 1)) != 0 ? 1 << bits : 0);
}

int saturated(int value, int bits, bool is_signed) {
  const int low = is_signed ? -(1 << (bits - 1)) : 0;
  return std::clamp(value, low, low + (1 << bits) - 1);
}

}  // namespace

std::optional<std::uint16_t> simd_video_operation(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(operations), std::end(operations),
                   [&](const NamedOperation& operation) { return operation.name == name; });
  if (found == std::end(operations)) return std::nullopt;
  return static_cast<std::uint16_t>(found - std::begin(operations));
}

void simd_video(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const auto has = [&](std::uint16_t bit) { return (instruction.detail & bit) != 0; };
  const Operation apply = operations[instruction.detail & SimdVideoDetail::operation].apply;
  const int bits = has(SimdVideoDetail::bytes) ? 8 : 16;
  const bool accumulates = has(SimdVideoDetail::accumulates);
  const u32* const a = frame.lanes<u32>(instruction.sources[0]);
  const u32* const b = frame.lanes<u32>(instruction.sources[1]);
  const u32* const c = frame.lanes<u32>(instruction.sources[2]);
  u32* const to = frame.lanes<u32>(instruction.results[0]);
  for (; mask != 0; mask &= mask - 1) {
    const int lane = std::countr_zero(mask);
    u32 result = accumulates ? c[lane] : 0;
    for (int i = 0; i < 32 / bits; ++i) {
      int value = apply(part_of(a[lane], i, bits, has(SimdVideoDetail::a_signed)),
                        part_of(b[lane], i, bits, has(SimdVideoDetail::b_signed)));
      if (has(SimdVideoDetail::saturates)) {
        value = saturated(value, bits, has(SimdVideoDetail::d_signed));
      }
      if (accumulates) {
        result += static_cast<u32>(value);
      } else {
        result |= (static_cast<u32>(value) & ((1U << bits) - 1)) << (i * bits);
      }
    }
    to[lane] = result;
  }
}

}  // namespace lq::emulator
