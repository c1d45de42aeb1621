// Arithmetic that is more than one row of a table: carries, a second result, three operands where
// rows have two.

#include "emulator/decode/families.h"
#include "emulator/instructions/carry.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

/// add.cc, addc[.cc], sub.cc, subc[.cc], mad.{lo,hi}.cc, madc.{lo,hi}[.cc] of integers.
void decode_with_carry(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  std::string operation(opcode.base());
  const bool carry_in = operation.back() == 'c';
  if (carry_in) operation.pop_back();
  const bool is_mad = operation == "mad";
  if (is_mad) {
    const auto half = opcode.take_any({"lo", "hi"});
    if (!half) builder.fail_unknown();
    operation += '.';
    operation += *half;
  }
  const bool carry_out = opcode.take("cc");
  const std::string_view type = opcode.take_next();
  const Handler handler = opcode.empty() ? carry_handler(operation, type) : nullptr;
  if (handler == nullptr) builder.fail_unknown();
  const std::size_t sources = is_mad ? 3 : 2;
  builder.expect_operands(sources + 1, sources + 1);
  const OperandType operand_type = bits_type(ptx::type_bytes(type));
  Slot slots[3] = {no_slot, no_slot, no_slot};
  for (std::size_t i = 0; i < sources; ++i) {
    slots[i] = builder.source(builder.operand(i + 1), operand_type);
  }
  const Slot result = builder.result(builder.operand(0), operand_type);
  const Slot carry = builder.carry();
  Instruction& instruction = builder.emit(handler);
  for (std::size_t i = 0; i < sources; ++i) instruction.sources[i] = slots[i];
  if (carry_in) instruction.sources[3] = carry;
  instruction.results[0] = result;
  if (carry_out) instruction.results[1] = carry;
}

/// lop3.or.b32 d|p, a, b, c, table, [!]q and the like: p tells whether d is not zero, or q.
void decode_lop3_with_predicate(FunctionBuilder& builder, std::string_view combination) {
  builder.expect_operands(6, 6);
  const Operand& to = builder.operand(0);
  if (to.kind != OperandKind::pair) builder.fail_operand(to, "two results");
  const Form& form = *find_form("lop3.b32");
  Slot slots[4];
  for (std::size_t i = 0; i < 4; ++i) {
    slots[i] = builder.source(builder.operand(i + 1), OperandType::b32);
  }
  const Slot other = builder.source(builder.operand(5), OperandType::predicate);
  const Slot zero = builder.constant(OperandType::b32, 0);
  const Slot result = builder.result(to.parts.at(0), OperandType::b32);
  const Slot predicate = builder.result(to.parts.at(1), OperandType::predicate);
  const Slot is_set = builder.scratch(OperandType::predicate);
  Instruction& logic = builder.emit(form.handler);
  for (std::size_t i = 0; i < 4; ++i) logic.sources[i] = slots[i];
  logic.results[0] = result;
  Instruction& comparison = builder.emit_helper(find_form("setp.ne.u32")->handler);
  comparison.sources[0] = result;
  comparison.sources[1] = zero;
  comparison.results[0] = is_set;
  Instruction& combined =
      builder.emit_helper(find_form(std::string(combination) + ".pred")->handler);
  combined.sources[0] = is_set;
  combined.sources[1] = other;
  combined.results[0] = predicate;
}

}  // namespace

void decode_add_sub_mad(FunctionBuilder& builder) {
  const std::string& opcode = builder.instruction().opcode;
  const bool has_carry =
      Opcode(opcode).base().back() == 'c' || opcode.find(".cc.") != std::string::npos;
  if (has_carry) {
    decode_with_carry(builder);
  } else {
    decode_form(builder);
  }
}

void decode_lop3(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const auto combination = opcode.take_any({"and", "or", "xor"});
  if (!combination) {
    decode_form(builder);
  } else if (opcode.take("b32") && opcode.empty()) {
    decode_lop3_with_predicate(builder, *combination);
  } else {
    builder.fail_unknown();
  }
}

/// The smallest or largest of three is that of two, twice.
void decode_min_max(FunctionBuilder& builder) {
  const std::string& opcode = builder.instruction().opcode;
  if (builder.operand_count() != 4 || !opcode.ends_with(".f32")) {
    decode_form(builder);
    return;
  }
  const Form* const form = find_form(opcode);
  if (form == nullptr) builder.fail_unknown();
  Slot slots[3];
  for (std::size_t i = 0; i < 3; ++i) {
    slots[i] = builder.source(builder.operand(i + 1), OperandType::f32);
  }
  const Slot result = builder.result(builder.operand(0), OperandType::f32);
  const Slot of_two = builder.scratch(OperandType::f32);
  Instruction& first = builder.emit(form->handler);
  first.sources[0] = slots[0];
  first.sources[1] = slots[1];
  first.results[0] = of_two;
  Instruction& second = builder.emit_helper(form->handler);
  second.sources[0] = of_two;
  second.sources[1] = slots[2];
  second.results[0] = result;
}

/// set.CmpOp[.BoolOp][.ftz].dtype.stype d, a, b[, [!]c]: all ones of an integer or 1 of a
/// floating-point type where the comparison holds, and 0 where it does not.
void decode_set(FunctionBuilder& builder) {
  const std::string& text = builder.instruction().opcode;
  if (find_form(text) != nullptr) {
    decode_form(builder);
    return;
  }
  Opcode opcode(text);
  std::string plain = "setp." + std::string(opcode.take_next());
  const auto combination = opcode.take_any({"and", "or", "xor"});
  if (opcode.take("ftz")) plain += ".ftz";
  const auto type = opcode.take_any({"u32", "s32", "f32", "f16", "bf16", "u16", "s16"});
  plain += '.' + std::string(opcode.take_next());
  const Form* const form = find_form(plain);
  if (!type || !opcode.empty() || form == nullptr) builder.fail_unknown();
  builder.expect_operands(combination ? 4 : 3, combination ? 4 : 3);
  const bool is_narrow = type->ends_with("16");
  const OperandType result_type = is_narrow ? OperandType::b16 : OperandType::b32;
  const std::uint64_t yes = *type == "f32"    ? 0x3F800000
                            : *type == "f16"  ? 0x3C00
                            : *type == "bf16" ? 0x3F80
                                              : ~std::uint64_t{0} >> (is_narrow ? 48 : 32);
  const Slot a = builder.source(builder.operand(1), form->sources[0]);
  const Slot b = builder.source(builder.operand(2), form->sources[1]);
  const Slot c = combination ? builder.source(builder.operand(3), OperandType::predicate) : no_slot;
  const Slot result = builder.result(builder.operand(0), result_type);
  const Slot values[] = {builder.constant(result_type, yes), builder.constant(result_type, 0)};
  Slot holds = builder.scratch(OperandType::predicate);
  Instruction& comparison = builder.emit(form->handler);
  comparison.sources[0] = a;
  comparison.sources[1] = b;
  comparison.results[0] = holds;
  if (combination) {
    Instruction& combined =
        builder.emit_helper(find_form(std::string(*combination) + ".pred")->handler);
    combined.sources[0] = holds;
    combined.sources[1] = c;
    combined.results[0] = holds;
  }
  Instruction& choice =
      builder.emit_helper(find_form(is_narrow ? "selp.b16" : "selp.b32")->handler);
  choice.sources[0] = values[0];
  choice.sources[1] = values[1];
  choice.sources[2] = holds;
  choice.results[0] = result;
}

}  // namespace lq::emulator
