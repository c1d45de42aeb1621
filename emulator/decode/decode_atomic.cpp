// atom and red, of single values, packs and vectors.

#include "core/error.h"
#include "emulator/decode/families.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/memory.h"
#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

struct VectorAtomic {
  int elements;
  int bytes;  // of each
  Space space;
  bool has_result;
  std::uint16_t detail;
};

/// atom {d, ...}, [a], {b, ...}; red [a], {b, ...}: each element is updated on its own.
void emit_vector_atomic(FunctionBuilder& builder, Handler handler, const VectorAtomic& form) {
  const OperandType type = form.bytes == 2 ? OperandType::b16 : OperandType::b32;
  const std::size_t first = form.has_result ? 1 : 0;
  const auto parts = [&](std::size_t index) -> const std::vector<Operand>& {
    const Operand& operand = builder.operand(index);
    if (operand.kind != OperandKind::vector ||
        operand.parts.size() != static_cast<std::size_t>(form.elements)) {
      builder.fail_operand(operand, fmt::format("{} registers in braces", form.elements));
    }
    return operand.parts;
  };
  const SymbolAddress address = builder.address(builder.operand(first));
  std::vector<Slot> slots;
  for (const Operand& part : parts(first + 1)) slots.push_back(builder.source(part, type));
  if (form.has_result) {
    for (const Operand& part : parts(0)) slots.push_back(builder.result(part, type));
  }
  Instruction& instruction = builder.emit(handler);
  set_address(instruction, address, form.space);
  instruction.list = builder.add_list(slots);
  instruction.list_size = static_cast<std::uint8_t>(slots.size());
  instruction.elements = static_cast<std::uint8_t>(form.elements);
  instruction.detail = form.detail;
}

/// atom d, [a], b[, c]; red [a], b.
void decode_atomic(FunctionBuilder& builder, bool has_result) {
  Opcode opcode(builder.instruction().opcode);
  MemoryModifiers modifiers;
  modifiers.detail = take_order(opcode) | MemoryDetail::strong;
  const Space space = take_space(opcode, modifiers);
  if (modifiers.is_param || modifiers.is_constant || space == Space::local) builder.fail_unknown();
  // What nvcc writes for atomics of one block, and ptxas takes.
  if (opcode.take("cta")) modifiers.detail |= MemoryDetail::block_scope;
  const std::string_view operation = opcode.take_next();
  modifiers.detail |= take_order(opcode);  // libcu++ has it here, and assemblers take that
  opcode.take("noftz");
  const bool has_policy = opcode.take("L2::cache_hint");
  const auto vector = opcode.take_any({"v2", "v4", "v8"});
  const std::string_view type = opcode.take_next();
  const Handler handler = opcode.empty() ? atomic_handler(operation, type) : nullptr;
  if (handler == nullptr) builder.fail_unknown();
  const bool is_cas = operation == "cas";
  const std::size_t first = has_result ? 1 : 0;
  const std::size_t operands = first + (is_cas ? 3 : 2) + (has_policy ? 1 : 0);
  builder.expect_operands(operands, operands);
  if (vector) {
    const int elements = (*vector)[1] - '0';
    const int bytes = ptx::type_bytes(type);
    // What devices have: up to 16 bytes of floating-point numbers in global memory.
    const bool is_known = type.find('f') != type.npos && type != "f64" && bytes * elements <= 16 &&
                          (bytes == 2 || elements < 8) && !is_cas &&
                          (space == Space::global || space == Space::generic);
    if (!is_known) builder.fail_unknown();
    emit_vector_atomic(builder, handler, {elements, bytes, space, has_result, modifiers.detail});
    return;
  }
  const OperandType operand_type = type == "f32"   ? OperandType::f32
                                   : type == "f64" ? OperandType::f64
                                                   : bits_type(ptx::type_bytes(type));
  const SymbolAddress address = builder.address(builder.operand(first));
  const Slot value = builder.source(builder.operand(first + 1), operand_type);
  const Slot second = is_cas ? builder.source(builder.operand(first + 2), operand_type) : no_slot;
  const Slot result = has_result ? builder.result(builder.operand(0), operand_type) : no_slot;
  Instruction& instruction = builder.emit(handler);
  set_address(instruction, address, space);
  instruction.sources[1] = value;
  instruction.sources[2] = second;
  instruction.results[0] = result;
  instruction.detail = modifiers.detail;
}

}  // namespace

void decode_atom(FunctionBuilder& builder) { decode_atomic(builder, true); }
void decode_red(FunctionBuilder& builder) { decode_atomic(builder, false); }

}  // namespace lq::emulator
