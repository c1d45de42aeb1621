// What `ptxas -v` tells of kernels, as cmake/record_resources.sh keeps it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lq::testing {

struct KernelResources {
  std::string kernel;        // mangled
  std::string architecture;  // "90a"
  int registers = 0;         // of a thread
  int barriers = 0;
  std::int64_t shared_bytes = 0;   // static, of a block
  std::int64_t stack_bytes = 0;    // of a thread, in the kernel and what it calls
  std::int64_t spilled_bytes = 0;  // stored or loaded, the same
};

/// In the order of the text. Throws Error for a kernel without a count of registers.
std::vector<KernelResources> read_ptxas_log(std::string_view text);

}  // namespace lq::testing
