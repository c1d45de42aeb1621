#include "tests/resources/counter_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/error.h"
#include "tests/resources/resource_table.h"

namespace lq::testing {

namespace {

constexpr std::string_view introduction = R"(# What the CUDA kernels do

Counted by the emulated device ([emulator.md](emulator.md)) of compute capability 8.0, of the PTX that
nvcc {} makes; written by `cmake --build build/release --target cuda_counters_table`, and compared by the
test `cuda.counters`, which allows for 2 %. Kernels below a thousandth of a workload's instructions are
left out.

* *share*: of the instructions of all warps in the workload, percent;
* *instructions*: of a thread, for each four bytes that it writes to global memory. Kernels that add up
  much and write little have many;
* *lanes*: that are active, of 32;
* *sectors*: of 32 bytes, for each request of a warp to global memory; *ideal*: as many as the bytes that
  its lanes ask for would fill. Fewer than ideal are lanes that share words;
* *conflicts*: passes through shared memory that bank conflicts add, percent of all.

Sectors above the ideal are those of rows that begin within a sector: of the first convolution, whose
pixels have three channels (kernels `gemm_kernel<..., 1, ...>`), of coefficients of single channels or
quantizers that one thread reads, and of planes of which a warp writes every other word. The conflicts
left are those of weights of 16 output channels, whose rows are half as long as the banks are many, and
again of the first convolution, whose operands are staged value by value, not by fours.

)";

struct Column {
  const char* heading;
  double CounterRow::*value;
  int digits;
};

constexpr std::array columns{
    Column{"share", &CounterRow::share, 1}, Column{"instructions", &CounterRow::instructions, 1},
    Column{"lanes", &CounterRow::lanes, 1}, Column{"sectors", &CounterRow::sectors, 2},
    Column{"ideal", &CounterRow::ideal, 2}, Column{"conflicts", &CounterRow::conflicts, 1}};

double ratio(double a, double b) { return b == 0 ? 0 : a / b; }

std::string unit_of(const Column& column, double value) {
  return fmt::format("{:.{}f}", value, column.digits);
}

std::vector<std::string> kernels_of(const Workload& a, const Workload& b) {
  std::set<std::string> names;
  for (const Workload* workload : {&a, &b}) {
    for (const auto& [name, row] : *workload) names.insert(name);
  }
  return {names.begin(), names.end()};
}

}  // namespace

Workload read_counters(std::string_view json) {
  const auto kernels = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  check(kernels.is_array(), "counters: no list of kernels");
  constexpr double sector = 32;
  double all = 0;
  for (const auto& kernel : kernels) all += kernel.at("warp_instructions").get<double>();
  Workload workload;
  for (const auto& kernel : kernels) {
    const auto count = [&](const char* name) { return kernel.at(name).get<double>(); };
    const double share = 100 * ratio(count("warp_instructions"), all);
    if (share < least_share) continue;
    const std::string name = short_name(kernel.at("kernel").get<std::string>());
    const bool is_new =
        workload
            .emplace(
                name,
                CounterRow{
                    .share = share,
                    .instructions =
                        4 * ratio(count("lane_instructions"), count("global_written_bytes")),
                    .lanes = ratio(count("lane_instructions"), count("warp_instructions")),
                    .sectors = ratio(count("global_sectors"), count("global_requests")),
                    .ideal = ratio(count("global_bytes") / sector, count("global_requests")),
                    .conflicts = 100 * ratio(count("bank_conflicts"), count("shared_wavefronts"))})
            .second;
    check(is_new, "counters: more than one kernel is called {}", name);
  }
  return workload;
}

std::string to_markdown(const CounterTable& table) {
  std::string text = fmt::format(introduction, table.compiler);
  for (const auto& [name, workload] : table.workloads) {
    text += fmt::format("## {}\n\n| kernel |", name);
    for (const Column& column : columns) text += fmt::format(" {} |", column.heading);
    text += "\n| --- |";
    for (std::size_t i = 0; i < columns.size(); ++i) text += " --- |";
    text += "\n";
    std::vector<Workload::const_pointer> rows;
    for (const auto& row : workload) rows.push_back(&row);
    std::ranges::stable_sort(rows, std::greater(), [](auto* row) { return row->second.share; });
    for (const auto* const row : rows) {
      text += fmt::format("| `{}` |", row->first);
      for (const Column& column : columns) {
        text += fmt::format(" {} |", unit_of(column, row->second.*column.value));
      }
      text += "\n";
    }
    text += "\n";
  }
  text.pop_back();
  return text;
}

CounterTable counter_table_from_markdown(std::string_view text) {
  CounterTable table;
  static const std::regex compiler("nvcc ([0-9.]*[0-9])");
  std::match_results<std::string_view::const_iterator> match;
  check(std::regex_search(text.begin(), text.end(), match, compiler),
        "table of counters: no version of nvcc");
  table.compiler = match[1].str();
  Workload* workload = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("## ")) workload = &table.workloads[line.substr(3)];
    if (!line.starts_with("| `")) continue;
    const std::vector<std::string> fields = fields_of(line);
    check(workload != nullptr && fields.size() == columns.size() + 1,
          "table of counters: '{}' has {} fields, expected {} below a heading", line, fields.size(),
          columns.size() + 1);
    CounterRow& row = (*workload)[fields[0].substr(1, fields[0].size() - 2)];
    for (std::size_t i = 0; i < columns.size(); ++i) {
      row.*columns[i].value = std::stod(fields[i + 1]);
    }
  }
  return table;
}

std::vector<std::string> differences(const CounterTable& counted, const CounterTable& recorded) {
  std::vector<std::string> lines;
  for (const auto& [name, workload] : counted.workloads) {
    const auto found = recorded.workloads.find(name);
    const Workload& expected = found == recorded.workloads.end() ? Workload{} : found->second;
    for (const std::string& kernel : kernels_of(workload, expected)) {
      const auto is = workload.find(kernel);
      const auto was = expected.find(kernel);
      if (is == workload.end() || was == expected.end()) {
        lines.push_back(fmt::format(
            "{}: {} is {}", name, kernel,
            is == workload.end() ? "in the table, but was not counted" : "not in the table"));
        continue;
      }
      for (const Column& column : columns) {
        const double value = is->second.*column.value;
        const double before = was->second.*column.value;
        const double allowed = 0.02 * std::abs(before) + std::pow(10.0, -column.digits);
        if (std::abs(value - before) <= allowed) continue;
        lines.push_back(fmt::format("{}: {}, {}: {}, expected {}", name, kernel, column.heading,
                                    unit_of(column, value), unit_of(column, before)));
      }
    }
  }
  for (const auto& [name, workload] : recorded.workloads) {
    if (!counted.workloads.contains(name)) lines.push_back(name + ": not counted");
  }
  return lines;
}

}  // namespace lq::testing
