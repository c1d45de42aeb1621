// Modifiers that instructions on memory share, and where their addresses go.
#pragma once

#include "emulator/decode/builder.h"

namespace lq::emulator {

struct MemoryModifiers {
  std::uint16_t detail = 0;  // of MemoryDetail: strength, release, scope
  Space space = Space::generic;
  bool is_param = false;
  bool is_constant = false;
  bool has_policy = false;
  int elements = 1;
};

/// Hints about caches have no effect. Whether a cache policy is one more operand.
bool take_cache_hints(Opcode& opcode);
/// The state space, generic if none is named; says in the modifiers what is more to it.
Space take_space(Opcode& opcode, MemoryModifiers& modifiers);

/// The memory order, and for whom it holds, as details of the instruction.
std::uint16_t take_order(Opcode& opcode);

/// An address as a value of 64 bits.
Slot address_value(FunctionBuilder& builder, const SymbolAddress& address);

void set_address(Instruction& instruction, const SymbolAddress& address, Space space);

}  // namespace lq::emulator
