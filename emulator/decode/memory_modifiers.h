// What decoders of instructions on memory share: modifiers, addresses, waiting for groups of
// copies.
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

/// The type of an address, "u32" or "u64", which is the last modifier.
OperandType take_address_type(FunctionBuilder& builder, Opcode& opcode);
/// An address as a value of 64 bits.
Slot address_value(FunctionBuilder& builder, const SymbolAddress& address);

/// For LaneAddresses of the source with this index.
void set_address(Instruction& instruction, const SymbolAddress& address, Space space,
                 int source = 0);

/// Emits a wait_group, which has one operand: how many groups need not be complete.
Instruction& emit_wait_for_groups(FunctionBuilder& builder, Handler handler);

}  // namespace lq::emulator
