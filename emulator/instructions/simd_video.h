// SIMD video instructions: vadd4 and its relatives, on the bytes or halves of registers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// What Instruction::detail of these says, above the operation.
struct SimdVideoDetail {
  static constexpr std::uint16_t operation = 0xF;
  static constexpr std::uint16_t bytes = 0x10;  // or else halves
  static constexpr std::uint16_t a_signed = 0x20;
  static constexpr std::uint16_t b_signed = 0x40;
  static constexpr std::uint16_t d_signed = 0x80;
  static constexpr std::uint16_t saturates = 0x100;
  static constexpr std::uint16_t accumulates = 0x200;  // the parts' results are added to c
};

/// The operation's number, by its name without the number of parts: "vadd", and for vset that of
/// the comparison: "eq".
std::optional<std::uint16_t> simd_video_operation(std::string_view name);

/// Sources: a, b, c.
void simd_video(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
