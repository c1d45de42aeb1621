// What a PTX module says, as written: names are not resolved and opcodes not interpreted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lq::emulator::ptx {

enum class StateSpace : std::uint8_t { reg, global, shared, constant, local, param };

enum class OperandKind : std::uint8_t {
  name,      // a register, special register, variable, function or label, possibly `+ offset`
  integer,   // `value`
  single,    // `value` has the bits of a float
  real,      // `value` has the bits of a double
  vector,    // {a, b, ...}: `parts`
  pair,      // a|b: `parts`
  address,   // [name or number + offset]; further parts of a tensor address in `parts`
  arguments  // (a, b, ...) of a call: `parts`
};

struct Operand {
  OperandKind kind = OperandKind::name;
  std::string name;         // empty for an address that is a number
  std::uint64_t value = 0;  // of numbers; of an address without a name
  std::int64_t offset = 0;  // of names and addresses
  bool negated = false;     // !p
  std::vector<Operand> parts;
};

/// `.loc`: where in the program's source the instructions behind it come from.
struct SourceLocation {
  int file = 0;
  int line = 0;
  int caller_file = 0;  // of inlined code: where it was called
  int caller_line = 0;
};

struct Instruction {
  std::string opcode;  // with all modifiers: "ld.global.nc.v4.u32"
  std::string guard;   // the predicate's name, if there is one
  bool guard_negated = false;
  std::vector<Operand> operands;
  SourceLocation source;
  int line = 0;      // in the PTX text
  std::string text;  // as written, on one line
};

struct InitializerItem {
  std::uint64_t bits = 0;      // a number; a float's bits already have the variable's type
  std::string name;            // or the address of a variable or function, with an offset in `bits`
  bool is_generic = false;     // generic(name)
  std::uint64_t mask = ~0ULL;  // mask(name): the byte of the address that is meant
};

/// Who else knows a name, in the order of what a linker prefers; `local` names belong to a module.
enum class Linkage : std::uint8_t { local, external, weak, visible };

struct Variable {
  StateSpace space = StateSpace::reg;
  std::string name;
  std::string type;            // "u32", "b8", "pred", "f64"
  int vector = 1;              // .v2, .v4
  std::int64_t alignment = 0;  // 0: the type's own
  std::int64_t elements = 1;   // of an array; 0 for one without a size ([]: sized at launch)
  bool is_array = false;
  Linkage linkage = Linkage::local;
  bool is_managed = false;     // .attribute(.managed): memory that the host reaches, too
  std::int64_t numbered = -1;  // `.reg .b32 %r<5>`: the number of registers %r0 to %r4
  std::vector<InitializerItem> initializer;
  int line = 0;
};

enum class StatementKind : std::uint8_t { instruction, variable, label, scope_begin, scope_end };

struct Statement {
  StatementKind kind = StatementKind::instruction;
  Instruction instruction;
  Variable variable;
  std::string label;
};

struct Function {
  std::string name;
  Linkage linkage = Linkage::local;
  bool is_entry = false;
  bool has_body = false;
  std::vector<Variable> results;
  std::vector<Variable> parameters;
  std::vector<Statement> body;
  std::map<std::string, std::vector<std::string>> branch_targets;  // `.branchtargets`, by label
  std::vector<std::int64_t> max_threads;                           // `.maxntid`, empty if not given
  std::vector<std::int64_t> cluster;  // `.reqnctapercluster`, empty if not given
  bool blocks_are_clusters = false;
  int line = 0;
};

struct Module {
  std::string version;
  std::string target;
  bool is_debug = false;  // made without optimization
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::map<int, std::string> files;  // `.file`, by index
};

/// Bytes of one element of a type as it lies in memory; throws Error for an unknown type and for
/// predicates, which have no memory.
int type_bytes(std::string_view type);

/// Bytes of a whole variable.
std::int64_t variable_bytes(const Variable& variable);
std::int64_t variable_alignment(const Variable& variable);

}  // namespace lq::emulator::ptx
