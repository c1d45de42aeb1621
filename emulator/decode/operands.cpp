// Operands of instructions: the part of FunctionBuilder that finds what names and numbers mean.

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "emulator/decode/builder.h"
#include "emulator/decode/families.h"
#include "emulator/decode/special_registers.h"
#include "emulator/instructions/warpgroup.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

/// The bits of a number as an operand of this type.
std::uint64_t number_bits(const Operand& operand, OperandType type) {
  const bool is_single = operand.kind == OperandKind::single;
  const bool is_real = operand.kind == OperandKind::real;
  if (type == OperandType::f32 && is_real) {
    return std::bit_cast<std::uint32_t>(static_cast<float>(std::bit_cast<double>(operand.value)));
  }
  if (type == OperandType::f64 && is_single) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(operand.value));
    return std::bit_cast<std::uint64_t>(static_cast<double>(value));
  }
  return operand.value;
}

}  // namespace

const Operand& FunctionBuilder::operand(std::size_t index) const {
  if (index >= operand_count()) fail_here("too few operands");
  return instruction_->operands[index];
}

void FunctionBuilder::expect_operands(std::size_t least, std::size_t most) const {
  if (operand_count() < least || operand_count() > most) {
    fail_here(
        fmt::format("{} operands, expected {}", operand_count(),
                    least == most ? fmt::to_string(least) : fmt::format("{} to {}", least, most)));
  }
}

bool FunctionBuilder::is_register(const Operand& operand) {
  return operand.kind == OperandKind::name && find_register(operand.name).has_value();
}

Register FunctionBuilder::register_of(const Operand& operand) {
  const std::optional<Register> found =
      operand.kind == OperandKind::name ? find_register(operand.name) : std::nullopt;
  if (!found) fail_operand(operand, "a register");
  return *found;
}

Slot FunctionBuilder::result(const Operand& operand, OperandType type) {
  if (operand.kind == OperandKind::name && operand.name == "_") return scratch(type);
  const Register found = register_of(operand);
  if (found.bytes != bytes_of(type)) {
    fail_operand(operand, fmt::format("a register of {} bits", 8 * bytes_of(type)));
  }
  check_warpgroup_use(operand.name, found.slot, true);
  return found.slot;
}

Slot FunctionBuilder::warpgroup_result(const Operand& operand) {
  const Register found = register_of(operand);
  if (found.bytes != 4) fail_operand(operand, "a register of 32 bits");
  read_.insert(found.slot.position);
  return found.slot;
}

void FunctionBuilder::check_warpgroup_use(const std::string& name, Slot slot, bool is_write) {
  const bool is_result = warpgroup_results_.contains(name);
  const bool is_operand = is_write && warpgroup_operands_.contains(name);
  if (!is_result && !is_operand) return;
  emit_helper(is_write ? check_may_be_written : check_may_be_read).sources[0] = slot;
}

Slot FunctionBuilder::source(const Operand& operand, OperandType type) {
  switch (operand.kind) {
    case OperandKind::integer:
    case OperandKind::single:
    case OperandKind::real:
      return constant(type, number_bits(operand, type));
    case OperandKind::name:
      return source_register(operand, type);
    default:
      fail_operand(operand, "a register or a number");
  }
}

Slot FunctionBuilder::source_register(const Operand& operand, OperandType type) {
  if (type == OperandType::predicate) return predicate_source(operand);
  const std::optional<Register> found = find_register(operand.name);
  if (!found) return symbol_value(operand, type);
  if (found->bytes != bytes_of(type)) {
    fail_operand(operand, fmt::format("a register of {} bits", 8 * bytes_of(type)));
  }
  read_.insert(found->slot.position);
  check_warpgroup_use(operand.name, found->slot, false);
  return found->slot;
}

Slot FunctionBuilder::predicate_source(const Operand& operand) {
  const Register found = register_of(operand);
  if (!found.is_predicate()) fail_operand(operand, "a predicate");
  read_.insert(found.slot.position);
  if (!operand.negated) return found.slot;
  const Slot negated = scratch(OperandType::predicate);
  Instruction& instruction = emit_helper(find_form("not.pred")->handler);
  instruction.results[0] = negated;
  instruction.sources[0] = found.slot;
  return negated;
}

/// A special register, or the address of a variable in its space.
Slot FunctionBuilder::symbol_value(const Operand& operand, OperandType type) {
  if (const std::optional<std::uint32_t> number = special_constant(operand.name)) {
    return constant(type, *number);
  }
  if (const std::optional<Special> which = special_register(operand.name)) {
    const Slot slot = special(*which);
    if (bytes_of(type) == 4) return slot;
    const Slot wide = scratch(type);
    const char* const opcode = bytes_of(type) == 8 ? "cvt.u64.u32" : "cvt.u16.u32";
    Instruction& instruction = emit_helper(find_form(opcode)->handler);
    instruction.results[0] = wide;
    instruction.sources[0] = slot;
    return wide;
  }
  const std::optional<SymbolAddress> address = symbol(operand.name);
  if (!address) fail_operand(operand, "a register, special register or variable");
  const auto offset = static_cast<std::uint64_t>(address->offset + operand.offset);
  if (!is_slot(address->base)) return constant(type, offset);
  Slot base = address->base;
  const bool is_wide = bytes_of(type) == 8;
  if (is_wide != address->wide) {
    const Slot converted = scratch(type);
    Instruction& instruction =
        emit_helper(find_form(is_wide ? "cvt.u64.u32" : "cvt.u32.u64")->handler);
    instruction.results[0] = converted;
    instruction.sources[0] = base;
    base = converted;
  }
  const Slot sum = scratch(type);
  const Slot added = constant(type, offset);
  Instruction& instruction = emit_helper(find_form(is_wide ? "add.u64" : "add.u32")->handler);
  instruction.results[0] = sum;
  instruction.sources[0] = base;
  instruction.sources[1] = added;
  return sum;
}

std::optional<SymbolAddress> FunctionBuilder::symbol(std::string_view name) {
  const std::string key(name);
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->variables.find(key);
    if (found != scope->variables.end()) return found->second;
  }
  const auto shared = symbols_.shared.find(name);
  if (shared != symbols_.shared.end()) {
    SymbolAddress address{.space = Space::shared, .wide = false, .offset = shared->second.offset};
    if (shared->second.is_dynamic) address.base = special(Special::dynamic_shared_base);
    return address;
  }
  const auto global = program_.variables.find(name);
  if (global != program_.variables.end()) {
    return SymbolAddress{.space = Space::global,
                         .offset = static_cast<std::int64_t>(global->second)};
  }
  if (const auto function = program_.address_of(name)) {
    return SymbolAddress{.space = Space::generic, .offset = static_cast<std::int64_t>(*function)};
  }
  return std::nullopt;
}

ParameterPlace FunctionBuilder::param_place(std::string_view name) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->params.find(std::string(name));
    if (found != scope->params.end()) return found->second;
  }
  fail_here(fmt::format("'{}' is no parameter of a call", name));
}

SymbolAddress FunctionBuilder::address(const Operand& operand) {
  if (operand.kind != OperandKind::address) fail_operand(operand, "an address");
  SymbolAddress result;
  if (operand.name.empty()) {
    result.offset = static_cast<std::int64_t>(operand.value) + operand.offset;
  } else if (const std::optional<Register> base = find_register(operand.name)) {
    if (base->bytes != 4 && base->bytes != 8) fail_operand(operand, "32 or 64 bits of address");
    result.base = base->slot;
    read_.insert(base->slot.position);
    result.wide = base->bytes == 8;
    result.offset = operand.offset;
  } else if (const std::optional<SymbolAddress> variable = symbol(operand.name)) {
    result = *variable;
    result.offset += operand.offset;
  } else {
    fail_operand(operand, "a register or variable in an address");
  }
  if (!is_slot(result.base)) {
    result.base = constant(OperandType::b64, 0);
    result.wide = true;
  }
  return result;
}

}  // namespace lq::emulator
