// A decoded function, and the module that it belongs to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/machine/instruction.h"
#include "emulator/machine/matrix_operation.h"

namespace lq::emulator {

/// Registers that the warp fills before the function runs. The first ones are x, y and z of
/// vectors.
enum class Special : std::uint8_t {
  tid_x,
  tid_y,
  tid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  clusterid_x,
  clusterid_y,
  clusterid_z,
  nclusterid_x,
  nclusterid_y,
  nclusterid_z,
  cluster_ctaid_x,
  cluster_ctaid_y,
  cluster_ctaid_z,
  cluster_nctaid_x,
  cluster_nctaid_y,
  cluster_nctaid_z,
  cluster_ctarank,
  cluster_nctarank,
  is_explicit_cluster,  // a number
  laneid,
  warpid,
  nwarpid,
  lanemask_eq,
  lanemask_lt,
  lanemask_le,
  lanemask_gt,
  lanemask_ge,
  dynamic_smem_size,
  total_smem_size,
  envreg1,              // address of the grid's workspace: its upper half
  envreg2,              // and its lower half
  dynamic_shared_base,  // 32 bits: offset of the shared memory that the launch adds
  local_base,           // 64 bits: offset of the function's local memory
};

struct SpecialRegister {
  Special special;
  Slot slot;
};

/// Where a parameter lies: of a kernel in its block of arguments, of a device function or a call in
/// local memory, relative to the function's local base.
struct ParameterPlace {
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
};

/// What call instructions copy, by index in Instruction::detail.
struct CallSite {
  std::vector<ParameterPlace> arguments;  // in the caller's local memory
  std::vector<ParameterPlace> results;
};

struct SourcePlace {
  int file = 0;
  int line = 0;
  int caller_file = 0;  // of inlined code
  int caller_line = 0;
  int ptx_line = 0;
  std::string text;
};

struct Function {
  std::string name;
  std::uint32_t index = 0;        // in the program
  std::uint32_t first_place = 0;  // instructions of the functions before it
  std::string error;              // why it could not be decoded; it stops who runs it
  bool is_entry = false;
  std::vector<Instruction> code;
  std::vector<Slot> lists;
  std::vector<CallSite> calls;
  std::vector<MatrixOperation> matrices;  // of matrix instructions, by Instruction::target
  std::vector<SourcePlace> places;        // of each instruction
  std::vector<std::uint32_t> constants;
  std::vector<SpecialRegister> specials;
  std::uint32_t register_bytes = 0;
  std::uint32_t local_bytes = 0;
  std::uint32_t static_shared_bytes = 0;  // of an entry: everything below the dynamic part
  std::uint32_t argument_bytes = 0;       // of an entry
  std::vector<ParameterPlace> parameters;
  std::vector<ParameterPlace> results;
  std::vector<std::int64_t> max_threads;
  std::vector<std::int64_t> cluster;  // that the kernel was compiled for; empty: any
};

struct Program {
  /// Functions have addresses in memory that nobody writes, so many bytes apart.
  static constexpr std::uint64_t function_spacing = 16;

  std::vector<Function> functions;
  std::map<std::string, std::uint32_t, std::less<>> index;
  std::map<std::string, std::uint64_t, std::less<>> variables;  // addresses in device memory
  std::map<std::string, std::uint64_t, std::less<>> variable_bytes;
  std::map<int, std::string> files;
  std::uint64_t code_address = 0;  // of the first function; 0 if none can be called

  std::optional<std::uint64_t> address_of(std::string_view function) const {
    const auto found = index.find(function);
    if (found == index.end() || code_address == 0) return std::nullopt;
    return code_address + found->second * function_spacing;
  }
  /// The device function at an address; null if there is none.
  const Function* function_at(std::uint64_t address) const {
    const std::uint64_t offset = address - code_address;
    const std::uint64_t at = offset / function_spacing;
    const bool is_start = code_address != 0 && address >= code_address &&
                          offset % function_spacing == 0 && at < functions.size();
    return is_start && !functions[at].is_entry ? &functions[at] : nullptr;
  }
};

}  // namespace lq::emulator
