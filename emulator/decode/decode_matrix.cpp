// mma.sync.

#include "emulator/decode/families.h"
#include "emulator/instructions/matrix.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

/// Appends the registers of an operand that is one register or a vector of `count`.
void add_registers(FunctionBuilder& builder, const Operand& operand, int count, bool is_result,
                   std::vector<Slot>& slots) {
  std::vector<Operand> parts{operand};
  if (operand.kind == OperandKind::vector) parts = operand.parts;
  if (static_cast<int>(parts.size()) != count) {
    builder.fail_operand(operand, "another number of registers");
  }
  for (const Operand& part : parts) {
    slots.push_back(is_result ? builder.result(part, OperandType::b32)
                              : builder.source(part, OperandType::b32));
  }
}

Instruction& emit_for_warp(FunctionBuilder& builder, Handler handler,
                           const std::vector<Slot>& slots) {
  const Slot members = builder.constant(OperandType::b32, all_lanes);
  Instruction& instruction = builder.emit(handler, Flow::collective);
  instruction.sources[0] = members;
  instruction.list = builder.add_list(slots);
  instruction.list_size = static_cast<std::uint8_t>(slots.size());
  return instruction;
}

}  // namespace

void decode_mma(FunctionBuilder& builder) {
  constexpr std::string_view start = "mma.sync.aligned.";
  const std::string& opcode = builder.instruction().opcode;
  const MatrixForm* const form =
      opcode.starts_with(start) ? find_matrix_form(opcode.substr(start.size())) : nullptr;
  if (form == nullptr) builder.fail_unknown();
  builder.expect_operands(4, 4);
  std::vector<Slot> slots;
  add_registers(builder, builder.operand(0), form->d, true, slots);
  add_registers(builder, builder.operand(1), form->a, false, slots);
  add_registers(builder, builder.operand(2), form->b, false, slots);
  add_registers(builder, builder.operand(3), form->c, false, slots);
  emit_for_warp(builder, form->handler, slots);
}

}  // namespace lq::emulator
