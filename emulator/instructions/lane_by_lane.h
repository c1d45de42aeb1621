// Handlers from functions on single values, where a loop that vectorizes gains nothing.
#pragma once

#include <bit>
#include <type_traits>
#include <utility>

#include "emulator/machine/instruction.h"

namespace lq::emulator {

template <typename T>
constexpr OperandType lane_operand_type() {
  if constexpr (std::is_same_v<T, float>) return OperandType::f32;
  if constexpr (std::is_same_v<T, double>) return OperandType::f64;
  return sizeof(T) == 2 ? OperandType::b16 : sizeof(T) == 4 ? OperandType::b32 : OperandType::b64;
}

template <auto function>
struct LaneByLane;

template <typename R, typename... A, R (*function)(A...)>
struct LaneByLane<function> {
  static void run(Frame& frame, const Instruction& instruction, LaneMask mask) {
    run_with(frame, instruction, mask, std::index_sequence_for<A...>());
  }
  template <std::size_t... index>
  static void run_with(Frame& frame, const Instruction& instruction, LaneMask mask,
                       std::index_sequence<index...>) {
    R* const to = frame.lanes<R>(instruction.results[0]);
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      to[lane] = function(frame.lanes<A>(instruction.sources[index])[lane]...);
    }
  }
  static constexpr Form form(const char* opcode) {
    return {opcode, run, lane_operand_type<R>(), {lane_operand_type<A>()...}};
  }
};

template <auto function>
constexpr Form lane_form(const char* opcode) {
  return LaneByLane<function>::form(opcode);
}

}  // namespace lq::emulator
