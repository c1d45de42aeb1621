#include "emulator/decode/program.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "emulator/decode/builder.h"

namespace lq::emulator {
namespace {

bool is_in_memory(const ptx::Variable& variable) {
  return variable.space == ptx::StateSpace::global || variable.space == ptx::StateSpace::constant;
}

void allocate_variables(const ptx::Module& module, Program& program, DeviceMemory& memory) {
  for (const ptx::Variable& variable : module.variables) {
    if (!is_in_memory(variable)) continue;
    check(
        variable.linkage != ptx::Linkage::external || !variable.initializer.empty(),
        "variable {} is not in the PTX of the program (with -rdc=true, each file needs PTX for the "
        "device)",
        variable.name);
    const auto bytes = static_cast<std::uint64_t>(ptx::variable_bytes(variable));
    const auto access =
        variable.is_managed ? DeviceMemory::Access::host_too : DeviceMemory::Access::device_only;
    const std::uint64_t address = memory.allocate(bytes, access, variable.name);
    check(address != 0, "variable {}: no memory for {} bytes", variable.name, bytes);
    program.variables[variable.name] = address;
    program.variable_bytes[variable.name] = bytes;
  }
}

std::uint64_t value_of(const ptx::InitializerItem& item, const Program& program) {
  if (item.name.empty()) return item.bits;
  const auto found = program.variables.find(item.name);
  const auto address = found != program.variables.end() ? std::optional(found->second)
                                                        : program.address_of(item.name);
  check(address.has_value(), "initializer: '{}' is no variable in memory and no function",
        item.name);
  // A mask chooses one byte of the address.
  const std::uint64_t value = *address + item.bits;
  if (item.mask == ~std::uint64_t{0} || item.mask == 0) return value;
  return (value & item.mask) >> __builtin_ctzll(item.mask);
}

/// What the initializer leaves out is zero.
void initialize_variables(const ptx::Module& module, const Program& program, DeviceMemory& memory) {
  for (const ptx::Variable& variable : module.variables) {
    if (!is_in_memory(variable)) continue;
    const std::uint64_t address = program.variables.at(variable.name);
    const std::uint64_t bytes = program.variable_bytes.at(variable.name);
    std::byte* const to = memory.host_bytes(address);
    std::memset(to, 0, bytes);
    const auto element = static_cast<std::size_t>(ptx::type_bytes(variable.type));
    check(variable.initializer.size() * element <= bytes,
          "variable {}: {} initial values in {} bytes", variable.name, variable.initializer.size(),
          bytes);
    for (std::size_t i = 0; i < variable.initializer.size(); ++i) {
      const std::uint64_t value = value_of(variable.initializer[i], program);
      std::memcpy(to + i * element, &value, std::min(element, sizeof(value)));
    }
    memory.mark_written(address, bytes);
  }
}

ModuleSymbols collect_symbols(const ptx::Module& module) {
  ModuleSymbols symbols{.is_debug = module.is_debug};
  for (const ptx::Variable& variable : module.variables) {
    if (variable.space != ptx::StateSpace::shared) continue;
    if (variable.elements == 0) {
      symbols.shared[variable.name] = {0, true};
      symbols.dynamic_alignment = std::max(
          symbols.dynamic_alignment, static_cast<std::uint32_t>(ptx::variable_alignment(variable)));
      continue;
    }
    const auto alignment = static_cast<std::uint64_t>(ptx::variable_alignment(variable));
    const std::uint64_t offset = (symbols.shared_bytes + alignment - 1) / alignment * alignment;
    const std::uint64_t end = offset + static_cast<std::uint64_t>(ptx::variable_bytes(variable));
    check(end <= DeviceMemory::window_bytes, "variable {}: {} bytes of shared memory",
          variable.name, end);
    symbols.shared[variable.name] = {static_cast<std::uint32_t>(offset), false};
    symbols.shared_bytes = static_cast<std::uint32_t>(end);
  }
  return symbols;
}

/// The functions with a body, by index.
std::vector<const ptx::Function*> number_functions(const ptx::Module& module, Program& program,
                                                   DeviceMemory& memory) {
  std::vector<const ptx::Function*> sources;
  bool has_device_functions = false;
  for (const ptx::Function& function : module.functions) {
    if (!function.has_body) continue;
    program.index[function.name] = static_cast<std::uint32_t>(sources.size());
    sources.push_back(&function);
    has_device_functions = has_device_functions || !function.is_entry;
  }
  if (has_device_functions) {
    program.code_address = memory.allocate(sources.size() * Program::function_spacing,
                                           DeviceMemory::Access::device_only, "code");
    check(program.code_address != 0, "no memory for the addresses of {} functions", sources.size());
  }
  return sources;
}

Function decode_function(const Program& program, const ModuleSymbols& symbols,
                         const ptx::Function& source) {
  try {
    return FunctionBuilder(program, symbols, source).build();
  } catch (const Error& error) {
    Function function;
    function.name = source.name;
    function.is_entry = source.is_entry;
    function.error = error.what();
    return function;
  }
}

}  // namespace

Program load_program(const ptx::Module& module, DeviceMemory& memory) {
  Program program;
  program.files = module.files;
  // Calls and initializers refer to functions by index, whatever their order.
  const std::vector<const ptx::Function*> sources = number_functions(module, program, memory);
  allocate_variables(module, program, memory);
  initialize_variables(module, program, memory);
  const ModuleSymbols symbols = collect_symbols(module);
  for (const ptx::Function* const source : sources) {
    program.functions.push_back(decode_function(program, symbols, *source));
    Function& added = program.functions.back();
    added.index = static_cast<std::uint32_t>(program.functions.size() - 1);
    if (added.index > 0) {
      const Function& before = program.functions[added.index - 1];
      added.first_place = before.first_place + static_cast<std::uint32_t>(before.code.size());
    }
  }
  return program;
}

}  // namespace lq::emulator
