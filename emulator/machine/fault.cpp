#include <cxxabi.h>

#include <cstdlib>

#include "core/error.h"
#include "emulator/machine/block.h"

namespace lq::emulator {

std::string demangled(const std::string& name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 ? text : name;
  std::free(text);
  return result;
}

std::string source_text(const Program& program, const Function& function, std::size_t pc) {
  const SourcePlace& place = function.places.at(pc);
  const auto file = program.files.find(place.file);
  if (place.line == 0 || file == program.files.end()) {
    return fmt::format("PTX line {} (compile with -lineinfo for source lines)", place.ptx_line);
  }
  std::string text = fmt::format("{}:{}", file->second, place.line);
  const auto caller = program.files.find(place.caller_file);
  if (place.caller_line != 0 && caller != program.files.end()) {
    text += fmt::format(" inlined at {}:{}", caller->second, place.caller_line);
  }
  return text;
}

std::string kernel_text(const Launch& launch) { return demangled(launch.kernel->name); }

std::string index_text(const Dim3& index) {
  return fmt::format("({}, {}, {})", index.x, index.y, index.z);
}

std::string text_of_place(const Program& program, std::uint32_t place) {
  const Function& function = program.functions.at(place >> 20);
  return source_text(program, function, place & 0xFFFFF);
}

void fault(const Warp& warp, const Instruction& instruction, int lane, const std::string& message) {
  const Block& block = *warp.block;
  const Function& function = *warp.activations.back().function;
  const auto pc = static_cast<std::size_t>(&instruction - function.code.data());
  const Dim3 thread =
      block.launch->block.index_of(static_cast<std::uint64_t>(warp.index * warp_size + lane));
  const std::string inside =
      function.is_entry ? "" : fmt::format(" in {}", demangled(function.name));
  fail("{}: {}, block {}, thread {}, {}{}: {}", kernel_text(*block.launch), message,
       index_text(block.index), index_text(thread),
       source_text(*block.launch->program, function, pc), inside, function.places.at(pc).text);
}

}  // namespace lq::emulator
