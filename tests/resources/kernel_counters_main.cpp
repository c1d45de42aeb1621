// Writes the table of what kernels do on the emulated device, or compares it with what was counted.
//
//   kernel_counters check|write TABLE NVCC_VERSION [WORKLOAD COUNTERS]...
//
// Counters are the files that LQNET_EMULATED_COUNTERS names. A table that another nvcc made is not
// compared.

#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "core/error.h"
#include "tests/resources/counter_table.h"
#include "tests/resources/table_files.h"

namespace lq::testing {
namespace {

int run(const std::vector<std::string>& arguments) {
  check(arguments.size() >= 5 && arguments.size() % 2 == 1 &&
            (arguments[0] == "check" || arguments[0] == "write"),
        "usage: kernel_counters check|write TABLE NVCC_VERSION [WORKLOAD COUNTERS]...");
  const std::string& path = arguments[1];
  CounterTable counted{.compiler = arguments[2], .workloads = {}};
  for (std::size_t i = 3; i < arguments.size(); i += 2) {
    counted.workloads[arguments[i]] = read_counters(contents_of(arguments[i + 1]));
  }
  if (arguments[0] == "write") {
    write_table(path, to_markdown(counted));
    return 0;
  }
  const CounterTable recorded = counter_table_from_markdown(contents_of(path));
  if (!is_of_compiler(path, recorded.compiler, counted.compiler)) return 0;
  return agrees(differences(counted, recorded), path, "cuda_counters_table") ? 0 : 1;
}

}  // namespace
}  // namespace lq::testing

int main(int count, char** arguments) {
  try {
    return lq::testing::run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    fmt::print(stderr, "kernel_counters: {}\n", error.what());
    return 1;
  }
}
