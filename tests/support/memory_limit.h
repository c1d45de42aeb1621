// Processes that memory becomes short for.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace lq::testing {

/// More memory than `bytes` on top of what the process has is refused from now on: for tests in a
/// process of their own. Not with AddressSanitizer, which takes more address space than a limit
/// would leave.
inline void limit_memory(std::uint64_t bytes) {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t limit = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + bytes;
  const ::rlimit limits{limit, limit};
  ::setrlimit(RLIMIT_AS, &limits);
}

}  // namespace lq::testing
