// Moves, conversions and comparisons, and everything that is a row of a table.

#include "core/error.h"
#include "emulator/decode/families.h"
#include "emulator/decode/special_registers.h"
#include "emulator/instructions/data.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

void set_operands(FunctionBuilder& builder, const Form& form) {
  std::size_t sources = 0;
  while (sources < Instruction::most_sources && form.sources[sources] != OperandType::none) {
    ++sources;
  }
  builder.expect_operands(sources + 1, sources + 1);
  Slot slots[Instruction::most_sources];
  for (std::size_t i = 0; i < sources; ++i) {
    slots[i] = builder.source(builder.operand(i + 1), form.sources[i]);
  }
  const Slot result = builder.result(builder.operand(0), form.result);
  Instruction& instruction = builder.emit(form.handler);
  instruction.results[0] = result;
  for (std::size_t i = 0; i < sources; ++i) instruction.sources[i] = slots[i];
}

/// {a, b} = c or a = {b, c}: parts of equal size, the first lowest.
void decode_pack(FunctionBuilder& builder, int whole_bytes) {
  const bool unpacks = builder.operand(0).kind == OperandKind::vector;
  const Operand& vector = builder.operand(unpacks ? 0 : 1);
  const int parts = static_cast<int>(vector.parts.size());
  if (parts == 0 || whole_bytes % parts != 0) builder.fail_unknown();
  const int part_bytes = whole_bytes / parts;
  const OperandType part_type = bits_type(part_bytes);
  const Handler handler =
      unpacks ? unpack_handler(part_bytes, parts) : pack_handler(part_bytes, parts);
  if (handler == nullptr) builder.fail_unknown();
  std::vector<Slot> slots;
  for (const Operand& part : vector.parts) {
    slots.push_back(unpacks ? builder.result(part, part_type) : builder.source(part, part_type));
  }
  const OperandType whole_type = bits_type(whole_bytes);
  const Slot whole = unpacks ? builder.source(builder.operand(1), whole_type)
                             : builder.result(builder.operand(0), whole_type);
  Instruction& instruction = builder.emit(handler);
  (unpacks ? instruction.sources[0] : instruction.results[0]) = whole;
  instruction.list = builder.add_list(slots);
  instruction.list_size = static_cast<std::uint8_t>(parts);
}

/// Puts the low bytes of a register that is wider than the operand into one that fits.
Slot narrowed(FunctionBuilder& builder, const Operand& operand, OperandType type) {
  if (!builder.is_register(operand)) return builder.source(operand, type);
  const Register wide = builder.register_of(operand);
  const int bytes = bytes_of(type);
  if (wide.bytes <= bytes) return builder.source(operand, type);
  const Slot from = builder.source(operand, bits_type(wide.bytes));
  const Slot narrow = builder.scratch(type);
  Instruction& helper = builder.emit_helper(
      find_form(fmt::format("cvt.u{}.u{}", 8 * bytes, 8 * wide.bytes))->handler);
  helper.results[0] = narrow;
  helper.sources[0] = from;
  return narrow;
}

}  // namespace

void decode_form(FunctionBuilder& builder) {
  const Form* const form = find_form(builder.instruction().opcode);
  if (form == nullptr) builder.fail_unknown();
  set_operands(builder, *form);
}

void decode_mov(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const std::string_view type = opcode.take_next();
  if (!opcode.empty() || type.empty()) builder.fail_unknown();
  builder.expect_operands(2, 2);
  if (type == "pred" && builder.operand(1).name == "%is_explicit_cluster") {
    const Slot number = builder.special(Special::is_explicit_cluster);
    const Slot zero = builder.constant(OperandType::b32, 0);
    const Slot result = builder.result(builder.operand(0), OperandType::predicate);
    Instruction& instruction = builder.emit(find_form("setp.ne.u32")->handler);
    instruction.results[0] = result;
    instruction.sources[0] = number;
    instruction.sources[1] = zero;
    return;
  }
  if (type == "pred") {
    set_operands(builder, *find_form("mov.pred"));
    return;
  }
  const int bytes = ptx::type_bytes(type);
  const Operand& from = builder.operand(1);
  if (builder.operand(0).kind == OperandKind::vector || from.kind == OperandKind::vector) {
    decode_pack(builder, bytes);
    return;
  }
  if (bytes != 2 && bytes != 4 && bytes != 8) builder.fail_unknown();
  if (const Handler reader = special_reader(from.name, bytes)) {
    const Slot result = builder.result(builder.operand(0), bits_type(bytes));
    builder.emit(reader).results[0] = result;
    return;
  }
  const bool is_floating = type == "f32" || type == "f64";
  Form form = *find_form(fmt::format("mov.b{}", 8 * bytes));
  if (is_floating) form.sources[0] = bytes == 4 ? OperandType::f32 : OperandType::f64;
  set_operands(builder, form);
}

/// cvt lets registers be wider than what is converted, on both sides.
void decode_cvt(FunctionBuilder& builder) {
  const std::string& opcode = builder.instruction().opcode;
  const Form* const form = find_form(opcode);
  if (form == nullptr) builder.fail_unknown();
  const bool is_pair = form->sources[1] != OperandType::none;
  if (is_pair) {
    set_operands(builder, *form);
    return;
  }
  builder.expect_operands(2, 2);
  const Slot from = narrowed(builder, builder.operand(1), form->sources[0]);
  const Register to = builder.register_of(builder.operand(0));
  const int bytes = bytes_of(form->result);
  if (to.bytes < bytes) builder.fail_operand(builder.operand(0), "a wider register");
  const Slot result = to.bytes == bytes ? to.slot : builder.scratch(form->result);
  Instruction& instruction = builder.emit(form->handler);
  instruction.results[0] = result;
  instruction.sources[0] = from;
  if (to.bytes == bytes) return;
  Opcode parts(opcode);
  std::string_view last;
  std::string_view before_last;
  while (!parts.empty()) {
    before_last = last;
    last = parts.take_next();
  }
  const char sign = before_last.starts_with('s') ? 's' : 'u';
  Instruction& widening = builder.emit_helper(
      find_form(fmt::format("cvt.{}{}.{}{}", sign, 8 * to.bytes, sign, 8 * bytes))->handler);
  widening.results[0] = to.slot;
  widening.sources[0] = result;
}

/// The windows of shared, local and param memory lie at fixed generic addresses; global and
/// constant addresses are generic as they are.
void decode_cvta(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool to_space = opcode.take("to");
  const auto space = opcode.take_any({"global", "const", "shared", "shared::cta", "shared::cluster",
                                      "local", "param", "param::entry"});
  const bool is_wide = opcode.take("u64");
  if (!space || (!is_wide && !opcode.take("u32")) || !opcode.empty()) builder.fail_unknown();
  builder.expect_operands(2, 2);
  const OperandType type = is_wide ? OperandType::b64 : OperandType::b32;
  const Slot from = builder.source(builder.operand(1), type);
  const Slot to = builder.result(builder.operand(0), type);
  const bool is_global = *space == "global" || *space == "const";
  const Handler handler =
      is_global || !is_wide          ? find_form(is_wide ? "mov.b64" : "mov.b32")->handler
      : space->starts_with("shared") ? (to_space ? from_shared_window : to_shared_window)
      : *space == "local"            ? (to_space ? from_local_window : to_local_window)
                                     : (to_space ? from_param_window : to_param_window);
  Instruction& instruction = builder.emit(handler);
  instruction.results[0] = to;
  instruction.sources[0] = from;
}

void decode_isspacep(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const auto space = opcode.take_any(
      {"global", "shared", "shared::cta", "shared::cluster", "local", "param", "param::entry"});
  if (!space || !opcode.empty()) builder.fail_unknown();
  builder.expect_operands(2, 2);
  const Slot from = builder.source(builder.operand(1), OperandType::b64);
  const Slot to = builder.result(builder.operand(0), OperandType::predicate);
  Instruction& instruction = builder.emit(*space == "global"            ? is_global_address
                                          : *space == "local"           ? is_local_address
                                          : space->starts_with("param") ? is_param_address
                                          : *space == "shared::cluster" ? is_cluster_address
                                                                        : is_shared_address);
  instruction.results[0] = to;
  instruction.sources[0] = from;
}

/// setp.CmpOp[.BoolOp][.ftz].type p[|q], a, b[, [!]c]: the comparison goes to a predicate of its
/// own, if it is combined or its negation is wanted.
void decode_setp(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const std::string comparison(opcode.take_next());
  const auto combination = opcode.take_any({"and", "or", "xor"});
  std::string plain = "setp." + comparison;
  while (!opcode.empty()) plain += '.' + std::string(opcode.take_next());
  const Form* const form = find_form(plain);
  if (form == nullptr) builder.fail_unknown();
  const std::size_t operands = combination ? 4 : 3;
  builder.expect_operands(operands, operands);
  const Operand& to = builder.operand(0);
  const bool is_pair = to.kind == OperandKind::pair;
  const Slot a = builder.source(builder.operand(1), form->sources[0]);
  const Slot b = builder.source(builder.operand(2), form->sources[1]);
  const Slot c = combination ? builder.source(builder.operand(3), OperandType::predicate) : no_slot;
  const Slot p = builder.result(is_pair ? to.parts.at(0) : to, OperandType::predicate);
  const Slot compared = combination || is_pair ? builder.scratch(OperandType::predicate) : p;
  Instruction& compare = builder.emit(form->handler);
  compare.results[0] = compared;
  compare.sources[0] = a;
  compare.sources[1] = b;
  if (compared.position == p.position) return;
  const auto finish = [&](Slot result, Slot value) {
    const std::string helper = combination ? std::string(*combination) + ".pred" : "mov.pred";
    Instruction& instruction = builder.emit_helper(find_form(helper)->handler);
    instruction.results[0] = result;
    instruction.sources[0] = value;
    instruction.sources[1] = c;
  };
  if (!is_pair) {
    finish(p, compared);
    return;
  }
  // The combining predicate and the guard may be results: both are made before any is written, and
  // the guard is written last.
  const Slot negated = builder.scratch(OperandType::predicate);
  Instruction& negation = builder.emit_helper(find_form("not.pred")->handler);
  negation.results[0] = negated;
  negation.sources[0] = compared;
  const Slot q = builder.result(to.parts.at(1), OperandType::predicate);
  const Slot first = builder.scratch(OperandType::predicate);
  const Slot second = builder.scratch(OperandType::predicate);
  finish(first, compared);
  finish(second, negated);
  const auto move = [&](Slot result, Slot value) {
    Instruction& instruction = builder.emit_helper(find_form("mov.pred")->handler);
    instruction.results[0] = result;
    instruction.sources[0] = value;
  };
  const std::string& guard = builder.instruction().guard;
  const bool q_is_guard = !guard.empty() && to.parts.at(1).name == guard;
  if (q_is_guard) {
    move(p, first);
    move(q, second);
  } else {
    move(q, second);
    move(p, first);
  }
}

}  // namespace lq::emulator
