#include "emulator/decode/memory_modifiers.h"

#include "emulator/decode/families.h"
#include "emulator/instructions/memory_access.h"

namespace lq::emulator {

bool take_cache_hints(Opcode& opcode) {
  bool has_policy = false;
  for (;;) {
    if (opcode.take("L2::cache_hint")) {
      has_policy = true;
    } else if (!opcode.take_any({"ca", "cg", "cs", "lu", "cv", "wb", "wt", "L1::evict_normal",
                                 "L1::evict_unchanged", "L1::evict_first", "L1::evict_last",
                                 "L1::no_allocate", "L2::evict_normal", "L2::evict_first",
                                 "L2::evict_last", "L2::64B", "L2::128B", "L2::256B"})) {
      return has_policy;
    }
  }
}

Space take_space(Opcode& opcode, MemoryModifiers& modifiers) {
  if (opcode.take("global")) return Space::global;
  if (opcode.take_any({"shared", "shared::cta"})) return Space::shared;
  if (opcode.take("shared::cluster")) return Space::shared_cluster;
  if (opcode.take("local")) return Space::local;
  if (opcode.take("const")) {
    modifiers.is_constant = true;
    return Space::global;
  }
  if (opcode.take_any({"param", "param::entry", "param::func"})) {
    modifiers.is_param = true;
    return Space::param;
  }
  return Space::generic;
}

std::uint16_t take_order(Opcode& opcode) {
  const auto order =
      opcode.take_any({"volatile", "relaxed", "acquire", "release", "acq_rel", "mmio"});
  const bool is_for_block = opcode.take("cta");
  if (!is_for_block) opcode.take_any({"cluster", "gpu", "sys"});
  std::uint16_t detail = order ? MemoryDetail::strong : std::uint16_t{0};
  if (is_for_block) return detail | MemoryDetail::block_scope;
  if (order == "release" || order == "acq_rel") detail |= MemoryDetail::release;
  return detail;
}

OperandType take_address_type(FunctionBuilder& builder, Opcode& opcode) {
  const auto type = opcode.take_any({"u32", "u64"});
  if (!type || !opcode.empty()) builder.fail_unknown();
  return *type == "u64" ? OperandType::b64 : OperandType::b32;
}

Slot address_value(FunctionBuilder& builder, const SymbolAddress& address) {
  Slot value = address.base;
  if (!address.wide) {
    value = builder.scratch(OperandType::b64);
    Instruction& widened = builder.emit_helper(find_form("cvt.u64.u32")->handler);
    widened.results[0] = value;
    widened.sources[0] = address.base;
  }
  if (address.offset == 0) return value;
  const Slot sum = builder.scratch(OperandType::b64);
  const Slot offset =
      builder.constant(OperandType::b64, static_cast<std::uint64_t>(address.offset));
  Instruction& added = builder.emit_helper(find_form("add.u64")->handler);
  added.results[0] = sum;
  added.sources[0] = value;
  added.sources[1] = offset;
  return sum;
}

void set_address(Instruction& instruction, const SymbolAddress& address, Space space, int source) {
  instruction.sources[source] = address.base;
  instruction.wide_address = address.wide;
  instruction.offset = address.offset;
  instruction.space = space;
}

Instruction& emit_wait_for_groups(FunctionBuilder& builder, Handler handler) {
  builder.expect_operands(1, 1);
  const ptx::Operand& groups = builder.operand(0);
  if (groups.kind != ptx::OperandKind::integer) builder.fail_operand(groups, "a number");
  Instruction& instruction = builder.emit(handler);
  instruction.target = static_cast<std::uint32_t>(groups.value);
  return instruction;
}

}  // namespace lq::emulator
