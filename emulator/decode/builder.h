// What the decoders of instruction families build a function with.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "emulator/machine/function.h"
#include "emulator/ptx/ast.h"

namespace lq::emulator {

/// An opcode taken apart. Decoders take the modifiers that they know; what is left makes the form
/// unknown.
class Opcode {
 public:
  explicit Opcode(std::string_view text);

  std::string_view base() const { return base_; }
  /// Whether the next modifier is this one; takes it.
  bool take(std::string_view modifier);
  /// The next modifier if it is one of these; takes it.
  std::optional<std::string_view> take_any(std::initializer_list<std::string_view> modifiers);
  /// Takes the next modifier, whatever it is; empty if there is none.
  std::string_view take_next();
  bool empty() const { return next_ == modifiers_.size(); }

 private:
  std::string_view base_;
  std::vector<std::string_view> modifiers_;
  std::size_t next_ = 0;
};

/// Where the names of variables that functions share lie.
struct ModuleSymbols {
  struct Shared {
    std::uint32_t offset = 0;
    bool is_dynamic = false;
  };
  std::map<std::string, Shared, std::less<>> shared;
  std::uint32_t shared_bytes = 0;        // of the module's own shared variables
  std::uint32_t dynamic_alignment = 16;  // of the part that the launch adds
  bool is_debug = false;                 // made without optimization
};

struct Register {
  Slot slot;
  int bytes = 0;  // 0: a predicate
  bool is_predicate() const { return bytes == 0; }
};

/// The value of a symbol: a constant, added to a register if there is one.
struct SymbolAddress {
  Space space = Space::generic;
  Slot base = no_slot;
  bool wide = true;  // width of the base
  std::int64_t offset = 0;
};

class FunctionBuilder {
 public:
  FunctionBuilder(const Program& program, const ModuleSymbols& symbols,
                  const ptx::Function& function);

  Function build();

  // For decoders of the current instruction:
  const ptx::Instruction& instruction() const { return *instruction_; }
  const ptx::Operand& operand(std::size_t index) const;
  std::size_t operand_count() const { return instruction_->operands.size(); }
  void expect_operands(std::size_t least, std::size_t most) const;

  /// A register, special register, constant or a variable's address.
  Slot source(const ptx::Operand& operand, OperandType type);
  /// A register that is written; `_` gives one that nobody reads.
  Slot result(const ptx::Operand& operand, OperandType type);
  /// A register of 32 bits that wgmma adds to, and may still be adding to.
  Slot warpgroup_result(const ptx::Operand& operand);
  Register register_of(const ptx::Operand& operand);
  bool is_register(const ptx::Operand& operand);
  Slot constant(OperandType type, std::uint64_t bits);
  Slot scratch(OperandType type);
  Slot special(Special special);
  /// The predicate of the carry flag.
  Slot carry();
  /// The base register, its width, the offset, and the space if a symbol tells it, of `[...]`.
  SymbolAddress address(const ptx::Operand& operand);
  /// Of a name that is a variable.
  std::optional<SymbolAddress> symbol(std::string_view name);
  /// A place in local memory of a variable in the param space of a call.
  ParameterPlace param_place(std::string_view name);

  /// Appends an instruction with the guard of the current one.
  Instruction& emit(Handler handler, Flow flow = Flow::next);
  /// Appends one that the text does not have: it is not counted.
  Instruction& emit_helper(Handler handler);
  /// Appends the form of this opcode, which must be in the tables.
  Instruction& emit_form(std::string_view opcode);
  /// The instruction that was emitted last loads these registers, as many as it has elements.
  void set_last_loaded(const std::vector<Slot>& slots);
  /// The instruction that was emitted last branches to the label.
  void set_last_target(std::string_view label);
  std::uint32_t add_list(const std::vector<Slot>& slots);
  std::uint32_t add_targets(std::string_view list_name, std::uint8_t& count);
  std::uint16_t add_call(CallSite call);
  std::uint32_t add_matrix(const MatrixOperation& operation);

  const Program& program() const { return program_; }
  const ModuleSymbols& symbols() const { return symbols_; }
  bool is_entry() const { return source_.is_entry; }

  [[noreturn]] void fail_unknown() const;
  [[noreturn]] void fail_operand(const ptx::Operand& operand, std::string_view expected) const;
  [[noreturn]] void fail_here(std::string_view message) const;

 private:
  struct NumberedRegisters {
    std::int64_t count = 0;
    int bytes = 0;
  };
  struct Scope {
    std::unordered_map<std::string, Register> registers;
    std::unordered_map<std::string, NumberedRegisters> numbered;
    std::unordered_map<std::string, SymbolAddress> variables;
    std::unordered_map<std::string, ParameterPlace> params;
  };

  void declare_parameters();
  void declare(const ptx::Variable& variable);
  void declare_local(const ptx::Variable& variable);
  void decode(const ptx::Instruction& instruction);
  void resolve_targets();
  void mark_unread();
  Slot allocate(int bytes);
  std::optional<Register> find_register(std::string_view name);
  Slot source_register(const ptx::Operand& operand, OperandType type);
  Slot symbol_value(const ptx::Operand& operand, OperandType type);
  Slot predicate_source(const ptx::Operand& operand);
  void collect_warpgroup_registers();
  /// Adds a check that wgmma is done with a register if it may be one that wgmma uses.
  void check_warpgroup_use(const std::string& name, Slot slot, bool is_write);

  const Program& program_;
  const ModuleSymbols& symbols_;
  const ptx::Function& source_;
  const ptx::Instruction* instruction_ = nullptr;
  Function function_;
  std::vector<Scope> scopes_;
  std::uint32_t predicate_room_ = 0;  // bytes left of the chunk that predicates share
  std::uint32_t predicate_next_ = 0;
  std::map<std::pair<int, std::uint64_t>, Slot> constants_;
  std::map<Special, Slot> specials_;
  std::optional<Slot> carry_;
  std::unordered_set<std::string> warpgroup_results_;   // registers that wgmma writes
  std::unordered_set<std::string> warpgroup_operands_;  // and reads
  /// Labels belong to their scope; scopes have numbers, and scope 0 is the function's own.
  std::uint32_t find_label(std::uint32_t scope, const std::string& name) const;
  std::uint32_t scope_ = 0;
  std::vector<std::uint32_t> outer_scopes_{0};  // of each scope
  std::map<std::pair<std::uint32_t, std::string>, std::uint32_t> labels_;
  struct OpenTarget {
    std::uint32_t instruction = 0;
    std::uint32_t scope = 0;
    std::string label;
  };
  std::vector<OpenTarget> open_targets_;
  std::set<std::uint32_t> read_;  // positions of registers
  std::vector<std::pair<std::uint32_t, std::vector<Slot>>> loads_;
  struct OpenList {
    std::uint32_t first = 0;
    std::uint32_t scope = 0;
    std::vector<std::string> labels;
  };
  std::vector<OpenList> open_lists_;
};

/// Size of a register operand, 0 for predicates.
int bytes_of(OperandType type);
OperandType bits_type(int bytes);

}  // namespace lq::emulator
