#include "emulator/decode/families.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/stack.h"

namespace lq::emulator {

using ptx::Operand;
using ptx::OperandKind;

/// alloca.type pointer, bytes[, alignment]; stacksave.type end; stackrestore.type end.
void decode_stack(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const OperandType operand_type = take_address_type(builder, opcode);
  const bool allocates = opcode.base() == "alloca";
  const bool restores = opcode.base() == "stackrestore";
  builder.expect_operands(allocates ? 2 : 1, allocates ? 3 : 1);
  if (builder.operand_count() == 3) {
    const Operand& alignment = builder.operand(2);
    if (alignment.kind != OperandKind::integer || alignment.value > 16) builder.fail_unknown();
  }
  const Slot source = allocates  ? builder.source(builder.operand(1), operand_type)
                      : restores ? builder.source(builder.operand(0), operand_type)
                                 : no_slot;
  const Slot result = restores ? no_slot : builder.result(builder.operand(0), operand_type);
  Instruction& instruction = builder.emit(allocates  ? allocate_on_stack
                                          : restores ? restore_stack
                                                     : save_stack);
  instruction.sources[0] = source;
  instruction.results[0] = result;
  instruction.register_bytes = static_cast<std::uint8_t>(bytes_of(operand_type));
}

}  // namespace lq::emulator
