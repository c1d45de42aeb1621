// cp.async; the copies of more than 16 bytes have a file of their own.

#include "emulator/decode/families.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/async_copy.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

bool decode_groups(FunctionBuilder& builder, Opcode& opcode) {
  const auto action = opcode.take_any({"commit_group", "wait_group", "wait_all"});
  if (!action) return false;
  if (!opcode.empty()) builder.fail_unknown();
  if (*action != "wait_group") {
    builder.expect_operands(0, 0);
    builder.emit(*action == "wait_all" ? wait_for_all_small_copies : commit_small_copies);
    return true;
  }
  emit_wait_for_groups(builder, wait_for_small_copies);
  return true;
}

/// cp.async.ca.shared.global [to], [from], bytes[, bytes to be read or predicate][, policy]
void decode_small_copy(FunctionBuilder& builder, Opcode& opcode) {
  const auto cache = opcode.take_any({"ca", "cg"});
  const bool to_shared = opcode.take_any({"shared", "shared::cta"}).has_value();
  const bool from_global = opcode.take("global");
  const bool has_policy = take_cache_hints(opcode);
  if (!cache || !to_shared || !from_global || !opcode.empty()) builder.fail_unknown();
  const std::size_t policies = has_policy ? 1 : 0;
  builder.expect_operands(3 + policies, 4 + policies);
  const Operand& size = builder.operand(2);
  const bool size_ok =
      size.kind == OperandKind::integer &&
      (size.value == 16 || (*cache == "ca" && (size.value == 4 || size.value == 8)));
  if (!size_ok) {
    builder.fail_operand(size, *cache == "ca" ? "4, 8 or 16 bytes" : "16 bytes");
  }
  Slot wanted = no_slot;
  std::uint16_t detail = 0;
  if (builder.operand_count() == 4 + policies) {
    const Operand& operand = builder.operand(3);
    const bool ignores =
        builder.is_register(operand) && builder.register_of(operand).is_predicate();
    wanted = builder.source(operand, ignores ? OperandType::predicate : OperandType::b32);
    if (ignores) detail = AsyncDetail::ignores;
  }
  const SymbolAddress to = builder.address(builder.operand(0));
  const Slot from = address_value(builder, builder.address(builder.operand(1)));
  Instruction& instruction = builder.emit(copy_small);
  set_address(instruction, to, Space::shared);
  instruction.sources[1] = from;
  instruction.sources[2] = wanted;
  instruction.access_bytes = static_cast<std::uint8_t>(size.value);
  instruction.detail = detail;
}

}  // namespace

void decode_cp(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool reduces = opcode.take("reduce");
  if (!opcode.take("async")) builder.fail_unknown();
  if (opcode.take("bulk")) {
    decode_bulk(builder, opcode, reduces);
  } else if (reduces) {
    builder.fail_unknown();
  } else if (opcode.take("mbarrier")) {
    decode_copies_arrive(builder, opcode);
  } else if (!decode_groups(builder, opcode)) {
    decode_small_copy(builder, opcode);
  }
}

}  // namespace lq::emulator
