// Turns functions on single values into handlers of whole warps, and into rows of a table. For
// files that are compiled once per instruction set: see kernels/common/isa_variants.h for their
// rules.
#pragma once

#include "emulator/instructions/integers.h"
#include "emulator/machine/instruction.h"

namespace lq::emulator::LQNET_ISA {
namespace {

using namespace integers;

template <typename T>
constexpr OperandType operand_type() = delete;
template <>
constexpr OperandType operand_type<bool>() {
  return OperandType::predicate;
}
template <>
constexpr OperandType operand_type<std::uint16_t>() {
  return OperandType::b16;
}
template <>
constexpr OperandType operand_type<std::int16_t>() {
  return OperandType::b16;
}
template <>
constexpr OperandType operand_type<std::uint32_t>() {
  return OperandType::b32;
}
template <>
constexpr OperandType operand_type<std::int32_t>() {
  return OperandType::b32;
}
template <>
constexpr OperandType operand_type<std::uint64_t>() {
  return OperandType::b64;
}
template <>
constexpr OperandType operand_type<std::int64_t>() {
  return OperandType::b64;
}
template <>
constexpr OperandType operand_type<float>() {
  return OperandType::f32;
}
template <>
constexpr OperandType operand_type<double>() {
  return OperandType::f64;
}

/// A value per lane, complete before any register is written: a result may overwrite a source.
template <typename T>
struct Lanes {
  alignas(64) T values[warp_size];

  void store(Frame& frame, Slot slot, LaneMask mask) const {
    T* const to = frame.lanes<T>(slot);
    if (mask == all_lanes) {
      for (int lane = 0; lane < warp_size; ++lane) to[lane] = values[lane];
    } else {
      for (int lane = 0; lane < warp_size; ++lane) {
        to[lane] = (mask >> lane & 1) != 0 ? values[lane] : to[lane];
      }
    }
  }
};

/// Comparisons make one bit per lane.
template <>
struct Lanes<bool> {
  bool values[warp_size];

  void store(Frame& frame, Slot slot, LaneMask mask) const {
    LaneMask bits = 0;
    for (int lane = 0; lane < warp_size; ++lane) {
      bits |= static_cast<LaneMask>(values[lane]) << lane;
    }
    LaneMask& to = frame.predicate(slot);
    to = (to & ~mask) | (bits & mask);
  }
};

template <typename T>
const T* source(const Frame& frame, const Instruction& instruction, int index) {
  return frame.lanes<T>(instruction.sources[index]);
}

template <auto function>
struct Elementwise;

template <typename R, typename A, R (*function)(A)>
struct Elementwise<function> {
  static void run(Frame& frame, const Instruction& instruction, LaneMask mask) {
    const A* const a = source<A>(frame, instruction, 0);
    Lanes<R> result;
    for (int lane = 0; lane < warp_size; ++lane) result.values[lane] = function(a[lane]);
    result.store(frame, instruction.results[0], mask);
  }
  static constexpr Form form(const char* opcode) {
    return {opcode, run, operand_type<R>(), {operand_type<A>()}};
  }
};

template <typename R, typename A, typename B, R (*function)(A, B)>
struct Elementwise<function> {
  static void run(Frame& frame, const Instruction& instruction, LaneMask mask) {
    const A* const a = source<A>(frame, instruction, 0);
    const B* const b = source<B>(frame, instruction, 1);
    Lanes<R> result;
    for (int lane = 0; lane < warp_size; ++lane) result.values[lane] = function(a[lane], b[lane]);
    result.store(frame, instruction.results[0], mask);
  }
  static constexpr Form form(const char* opcode) {
    return {opcode, run, operand_type<R>(), {operand_type<A>(), operand_type<B>()}};
  }
};

template <typename R, typename A, typename B, typename C, R (*function)(A, B, C)>
struct Elementwise<function> {
  static void run(Frame& frame, const Instruction& instruction, LaneMask mask) {
    const A* const a = source<A>(frame, instruction, 0);
    const B* const b = source<B>(frame, instruction, 1);
    const C* const c = source<C>(frame, instruction, 2);
    Lanes<R> result;
    for (int lane = 0; lane < warp_size; ++lane) {
      result.values[lane] = function(a[lane], b[lane], c[lane]);
    }
    result.store(frame, instruction.results[0], mask);
  }
  static constexpr Form form(const char* opcode) {
    return {
        opcode, run, operand_type<R>(), {operand_type<A>(), operand_type<B>(), operand_type<C>()}};
  }
};

template <typename R, typename A, typename B, typename C, typename D, R (*function)(A, B, C, D)>
struct Elementwise<function> {
  static void run(Frame& frame, const Instruction& instruction, LaneMask mask) {
    const A* const a = source<A>(frame, instruction, 0);
    const B* const b = source<B>(frame, instruction, 1);
    const C* const c = source<C>(frame, instruction, 2);
    const D* const d = source<D>(frame, instruction, 3);
    Lanes<R> result;
    for (int lane = 0; lane < warp_size; ++lane) {
      result.values[lane] = function(a[lane], b[lane], c[lane], d[lane]);
    }
    result.store(frame, instruction.results[0], mask);
  }
  static constexpr Form form(const char* opcode) {
    return {opcode,
            run,
            operand_type<R>(),
            {operand_type<A>(), operand_type<B>(), operand_type<C>(), operand_type<D>()}};
  }
};

/// A row whose opcode, types and handler follow from the function.
template <auto function>
constexpr Form form(const char* opcode) {
  return Elementwise<function>::form(opcode);
}

}  // namespace
}  // namespace lq::emulator::LQNET_ISA
