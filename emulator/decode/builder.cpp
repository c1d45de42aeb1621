#include "emulator/decode/builder.h"

#include <algorithm>

#include "core/error.h"
#include "emulator/decode/families.h"
#include "emulator/decode/special_registers.h"

namespace lq::emulator {
namespace {

constexpr std::uint32_t chunk = 64;  // registers start at multiples of a cache line
constexpr std::uint32_t local_alignment = 16;

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

int register_bytes(const ptx::Variable& variable) {
  if (variable.type == "pred") return 0;
  return std::max(2, ptx::type_bytes(variable.type));
}

}  // namespace

int bytes_of(OperandType type) {
  switch (type) {
    case OperandType::b16:
      return 2;
    case OperandType::b32:
    case OperandType::f32:
      return 4;
    case OperandType::b64:
    case OperandType::f64:
      return 8;
    default:
      return 0;
  }
}

OperandType bits_type(int bytes) {
  return bytes <= 2 ? OperandType::b16 : bytes == 4 ? OperandType::b32 : OperandType::b64;
}

FunctionBuilder::FunctionBuilder(const Program& program, const ModuleSymbols& symbols,
                                 const ptx::Function& function)
    : program_(program), symbols_(symbols), source_(function) {
  function_.name = function.name;
  function_.is_entry = function.is_entry;
  function_.max_threads = function.max_threads;
  function_.cluster = function.cluster;
  check(!function.blocks_are_clusters,
        "{}: launches whose grid counts clusters (.blocksareclusters) are not supported",
        function.name);
  function_.static_shared_bytes = symbols.shared_bytes;
  scopes_.emplace_back();
}

Function FunctionBuilder::build() {
  declare_parameters();
  collect_warpgroup_registers();
  for (const ptx::Statement& statement : source_.body) {
    switch (statement.kind) {
      case ptx::StatementKind::scope_begin:
        scopes_.emplace_back();
        outer_scopes_.push_back(scope_);
        scope_ = static_cast<std::uint32_t>(outer_scopes_.size() - 1);
        break;
      case ptx::StatementKind::scope_end:
        scopes_.pop_back();
        scope_ = outer_scopes_[scope_];
        break;
      case ptx::StatementKind::variable:
        declare(statement.variable);
        break;
      case ptx::StatementKind::label:
        check(labels_.try_emplace({scope_, statement.label}, function_.code.size()).second,
              "{}: label '{}' defined twice", source_.name, statement.label);
        break;
      case ptx::StatementKind::instruction:
        decode(statement.instruction);
        break;
    }
  }
  // A function may end without ret.
  static const ptx::Instruction end{.opcode = "ret", .text = "end of the function"};
  decode(end);
  resolve_targets();
  mark_unread();
  // The dynamic part starts where any type may.
  function_.static_shared_bytes = static_cast<std::uint32_t>(
      round_up(function_.static_shared_bytes, symbols_.dynamic_alignment));
  return std::move(function_);
}

void FunctionBuilder::declare_parameters() {
  std::int64_t bytes = 0;
  const auto place = [&](const ptx::Variable& variable) {
    bytes = round_up(bytes, ptx::variable_alignment(variable));
    const ParameterPlace result{static_cast<std::uint32_t>(bytes),
                                static_cast<std::uint32_t>(ptx::variable_bytes(variable))};
    bytes += result.bytes;
    check(bytes <= 1 << 20, "{}: more than a megabyte of parameters", source_.name);
    return result;
  };
  const auto declare_place = [&](const ptx::Variable& variable, const ParameterPlace& where) {
    SymbolAddress address{.space = Space::param, .offset = where.offset};
    if (!source_.is_entry) {
      address.space = Space::local;
      address.base = special(Special::local_base);
    }
    scopes_.back().variables[variable.name] = address;
    scopes_.back().params[variable.name] = where;
  };
  for (const ptx::Variable& variable : source_.parameters) {
    check(variable.space == ptx::StateSpace::param, "{}: parameters in registers are not supported",
          source_.name);
    function_.parameters.push_back(place(variable));
    declare_place(variable, function_.parameters.back());
  }
  for (const ptx::Variable& variable : source_.results) {
    function_.results.push_back(place(variable));
    declare_place(variable, function_.results.back());
  }
  if (source_.is_entry) {
    function_.argument_bytes = static_cast<std::uint32_t>(bytes);
  } else {
    function_.local_bytes = static_cast<std::uint32_t>(round_up(bytes, local_alignment));
  }
}

void FunctionBuilder::collect_warpgroup_registers() {
  // Code without optimization copies results to memory at once; ptxas makes it wait there.
  if (symbols_.is_debug) return;
  for (const ptx::Statement& statement : source_.body) {
    const ptx::Instruction& instruction = statement.instruction;
    if (!instruction.opcode.starts_with("wgmma.mma_async.") || instruction.operands.size() < 2) {
      continue;
    }
    for (const ptx::Operand& part : instruction.operands[0].parts) {
      warpgroup_results_.insert(part.name);
    }
    for (const ptx::Operand& part : instruction.operands[1].parts) {
      warpgroup_operands_.insert(part.name);
    }
  }
}

void FunctionBuilder::declare(const ptx::Variable& variable) {
  Scope& scope = scopes_.back();
  switch (variable.space) {
    case ptx::StateSpace::reg: {
      const int bytes = register_bytes(variable);
      if (variable.numbered >= 0) {
        scope.numbered[variable.name] = {variable.numbered, bytes};
      } else {
        scope.registers[variable.name] = {allocate(bytes), bytes};
      }
      return;
    }
    case ptx::StateSpace::shared: {
      const std::int64_t offset =
          round_up(function_.static_shared_bytes, ptx::variable_alignment(variable));
      function_.static_shared_bytes =
          static_cast<std::uint32_t>(offset + ptx::variable_bytes(variable));
      check(source_.is_entry, "{}: shared variables of device functions are not supported",
            source_.name);
      scope.variables[variable.name] = {.space = Space::shared, .offset = offset};
      return;
    }
    case ptx::StateSpace::local:
    case ptx::StateSpace::param:
      declare_local(variable);
      return;
    default:
      fail("{}: variable '{}' in a space that functions do not have", source_.name, variable.name);
  }
}

/// Parameters of calls live in local memory, too.
void FunctionBuilder::declare_local(const ptx::Variable& variable) {
  const std::int64_t offset = round_up(function_.local_bytes, ptx::variable_alignment(variable));
  const std::int64_t bytes = ptx::variable_bytes(variable);
  check(offset + bytes <= 1 << 20, "{}: more than a megabyte of local memory", source_.name);
  function_.local_bytes = static_cast<std::uint32_t>(round_up(offset + bytes, local_alignment));
  scopes_.back().variables[variable.name] = {
      .space = Space::local, .base = special(Special::local_base), .offset = offset};
  scopes_.back().params[variable.name] = {static_cast<std::uint32_t>(offset),
                                          static_cast<std::uint32_t>(bytes)};
}

void FunctionBuilder::decode(const ptx::Instruction& instruction) {
  instruction_ = &instruction;
  const Decoder decoder = decoder_of(Opcode(instruction.opcode).base());
  if (decoder != nullptr) {
    decoder(*this);
  } else {
    decode_form(*this);
  }
}

std::uint32_t FunctionBuilder::find_label(std::uint32_t scope, const std::string& name) const {
  for (;; scope = outer_scopes_[scope]) {
    const auto found = labels_.find({scope, name});
    if (found != labels_.end()) return found->second;
    check(scope != 0, "{}: label '{}' is not defined", source_.name, name);
  }
}

void FunctionBuilder::resolve_targets() {
  for (const OpenTarget& open : open_targets_) {
    function_.code[open.instruction].target = find_label(open.scope, open.label);
  }
  for (const OpenList& list : open_lists_) {
    for (std::size_t i = 0; i < list.labels.size(); ++i) {
      function_.lists[list.first + i].position = find_label(list.scope, list.labels[i]);
    }
  }
}

/// Compilers load more than they need where that is one instruction; what nobody reads may be
/// unwritten.
void FunctionBuilder::mark_unread() {
  for (const auto& [index, slots] : loads_) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (read_.contains(slots[i].position)) continue;
      function_.code[index].unread |= static_cast<std::uint8_t>(1U << i);
    }
  }
}

Slot FunctionBuilder::allocate(int bytes) {
  if (bytes > 0) {
    const Slot slot{function_.register_bytes};
    function_.register_bytes += static_cast<std::uint32_t>(bytes) * warp_size;
    return slot;
  }
  if (predicate_room_ == 0) {
    predicate_next_ = function_.register_bytes;
    predicate_room_ = chunk;
    function_.register_bytes += chunk;
  }
  const Slot slot{predicate_next_};
  predicate_next_ += static_cast<std::uint32_t>(sizeof(LaneMask));
  predicate_room_ -= static_cast<std::uint32_t>(sizeof(LaneMask));
  return slot;
}

std::optional<Register> FunctionBuilder::find_register(std::string_view name) {
  const std::size_t last = name.find_last_not_of("0123456789");
  const std::string whole(name);
  const std::string prefix(name.substr(0, last == std::string_view::npos ? 0 : last + 1));
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->registers.find(whole);
    if (found != scope->registers.end()) return found->second;
    const auto numbered = scope->numbered.find(prefix);
    if (numbered == scope->numbered.end() || prefix.size() == whole.size()) continue;
    const std::string digits = whole.substr(prefix.size());
    if (digits.size() > 9 || std::stoll(digits) >= numbered->second.count) continue;
    const Register result{allocate(numbered->second.bytes), numbered->second.bytes};
    scope->registers.emplace(whole, result);
    return result;
  }
  return std::nullopt;
}

Slot FunctionBuilder::special(Special which) {
  const auto found = specials_.find(which);
  if (found != specials_.end()) return found->second;
  const Slot slot = allocate(which == Special::local_base ? 8 : 4);
  function_.specials.push_back({which, slot});
  specials_.emplace(which, slot);
  return slot;
}

Slot FunctionBuilder::carry() {
  if (!carry_) carry_ = allocate(0);
  return *carry_;
}

Slot FunctionBuilder::scratch(OperandType type) { return allocate(bytes_of(type)); }

Slot FunctionBuilder::constant(OperandType type, std::uint64_t bits) {
  const int bytes = bytes_of(type);
  const auto [entry, is_new] = constants_.try_emplace({bytes, bits});
  if (!is_new) return entry->second;
  std::vector<std::uint32_t>& pool = function_.constants;
  entry->second = {static_cast<std::uint32_t>(4 * pool.size()) | Slot::constant_bit};
  const auto low = static_cast<std::uint32_t>(bits);
  const auto high = static_cast<std::uint32_t>(bits >> 32);
  const std::uint32_t halves = low << 16 | (low & 0xFFFF);
  if (bytes == 0) pool.insert(pool.end(), chunk / 4, low != 0 ? all_lanes : 0);
  if (bytes == 2) pool.insert(pool.end(), warp_size / 2, halves);
  if (bytes == 4) pool.insert(pool.end(), warp_size, low);
  for (int lane = 0; bytes == 8 && lane < warp_size; ++lane) {
    pool.push_back(low);
    pool.push_back(high);
  }
  return entry->second;
}

Instruction& FunctionBuilder::emit(Handler handler, Flow flow) {
  Instruction instruction;
  instruction.handler = handler;
  instruction.flow = flow;
  if (!instruction_->guard.empty()) {
    const std::optional<Register> guard = find_register(instruction_->guard);
    if (!guard || !guard->is_predicate()) {
      fail_here(fmt::format("guard '{}' is no predicate", instruction_->guard));
    }
    instruction.guard = guard->slot;
    read_.insert(guard->slot.position);
    instruction.guard_negated = instruction_->guard_negated;
  }
  function_.code.push_back(instruction);
  const ptx::SourceLocation& source = instruction_->source;
  function_.places.push_back({source.file, source.line, source.caller_file, source.caller_line,
                              instruction_->line, instruction_->text});
  return function_.code.back();
}

Instruction& FunctionBuilder::emit_helper(Handler handler) {
  Instruction& instruction = emit(handler);
  instruction.counts = false;
  return instruction;
}

Instruction& FunctionBuilder::emit_form(std::string_view opcode) {
  const Form* const form = find_form(opcode);
  if (form == nullptr) fail_unknown();
  return emit(form->handler);
}

void FunctionBuilder::set_last_loaded(const std::vector<Slot>& slots) {
  loads_.emplace_back(static_cast<std::uint32_t>(function_.code.size() - 1), slots);
}

void FunctionBuilder::set_last_target(std::string_view label) {
  open_targets_.push_back(
      {static_cast<std::uint32_t>(function_.code.size() - 1), scope_, std::string(label)});
}

std::uint32_t FunctionBuilder::add_list(const std::vector<Slot>& slots) {
  const auto first = static_cast<std::uint32_t>(function_.lists.size());
  function_.lists.insert(function_.lists.end(), slots.begin(), slots.end());
  return first;
}

std::uint32_t FunctionBuilder::add_targets(std::string_view list_name, std::uint8_t& count) {
  const auto found = source_.branch_targets.find(std::string(list_name));
  if (found == source_.branch_targets.end() || found->second.size() > 255) {
    fail_here(fmt::format("'{}' is no list of up to 255 branch targets", list_name));
  }
  count = static_cast<std::uint8_t>(found->second.size());
  const std::uint32_t first = add_list(std::vector<Slot>(found->second.size()));
  open_lists_.push_back({first, scope_, found->second});
  return first;
}

std::uint16_t FunctionBuilder::add_call(CallSite call) {
  function_.calls.push_back(std::move(call));
  check(function_.calls.size() < 65536, "{}: too many calls", source_.name);
  return static_cast<std::uint16_t>(function_.calls.size() - 1);
}

std::uint32_t FunctionBuilder::add_matrix(const MatrixOperation& operation) {
  function_.matrices.push_back(operation);
  return static_cast<std::uint32_t>(function_.matrices.size() - 1);
}

void FunctionBuilder::fail_here(std::string_view message) const {
  fail("{}: PTX line {}, '{}': {}", source_.name, instruction_->line, instruction_->text, message);
}

void FunctionBuilder::fail_unknown() const {
  fail_here(
      fmt::format("the form '{}' is not supported by the emulator (docs/emulator.md tells "
                  "how to add it)",
                  instruction_->opcode));
}

void FunctionBuilder::fail_operand(const ptx::Operand& operand, std::string_view expected) const {
  fail_here(fmt::format("operand '{}', expected {}", operand.name, expected));
}

}  // namespace lq::emulator
