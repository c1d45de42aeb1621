// The table of what kernels do on the emulated device: docs/cuda-counters.md.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lq::testing {

/// A kernel's row, per launch of a workload.
struct CounterRow {
  double share = 0;         // of the workload's instructions of warps, percent
  double instructions = 0;  // of a thread, for each four bytes that it writes to global memory
  double lanes = 0;         // active ones, on average
  double sectors = 0;       // of a request to global memory
  double ideal = 0;         // of a request, if lanes asked for whole sectors side by side
  double conflicts = 0;     // of the passes through shared memory, percent
};

/// Rows by short name; kernels with less than this share of a workload's instructions have none.
inline constexpr double least_share = 0.1;
using Workload = std::map<std::string, CounterRow>;

struct CounterTable {
  std::string compiler;  // version of nvcc
  std::map<std::string, Workload> workloads;
};

/// Of the JSON that LQNET_EMULATED_COUNTERS makes. Throws Error for text that it does not make.
Workload read_counters(std::string_view json);

std::string to_markdown(const CounterTable& table);
/// Throws Error for text that to_markdown() does not write.
CounterTable counter_table_from_markdown(std::string_view text);

/// A line for each kernel that is in one of them only, and for each number that is more than 2 %
/// and a unit of its last digit away.
std::vector<std::string> differences(const CounterTable& counted, const CounterTable& recorded);

}  // namespace lq::testing
