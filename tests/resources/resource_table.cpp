#include "tests/resources/resource_table.h"

#include <cxxabi.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <regex>
#include <set>

#include "core/error.h"
#include "tests/resources/occupancy.h"

namespace lq::testing {

namespace {

constexpr std::string_view introduction = R"(# Resources of the CUDA kernels

Written by `cmake --build build/release --target kernel_resources_table`; the test `cuda.resources`
compares it with what was built, and fails for a kernel with spills or a stack: no kernel here has any.
Those of CUB in `kernels/histogram` are taken as they are; without launch bounds they have registers alone.
Numbers are those of ptxas of nvcc {}.

Shared memory is that which the kernel has of its own, and behind a `+` what its launches add.

By compute capability: registers of a thread, and the occupancy in percent, which is the part of a
multiprocessor's warps that blocks of the launch bounds can fill as far as registers, shared memory and
barriers go (`cuda_occupancy.h`).

)";

std::string place_of(const BuiltKernel& kernel) {
  return fmt::format("{}: {} on sm_{}", kernel.source, short_kernel_name(kernel.resources.kernel),
                     kernel.resources.architecture);
}

std::vector<std::string> architectures_of(const std::vector<BuiltKernel>& kernels) {
  std::set<std::pair<int, std::string>> sorted;
  for (const BuiltKernel& kernel : kernels) {
    const std::string& architecture = kernel.resources.architecture;
    sorted.emplace(std::stoi(architecture), architecture);
  }
  std::vector<std::string> names;
  for (const auto& [number, name] : sorted) names.push_back(name);
  return names;
}

/// "90a" as the capability 9.0a.
std::string heading_of(const std::string& architecture) {
  const std::size_t digits =
      std::min(architecture.find_first_not_of("0123456789"), architecture.size());
  return architecture.substr(0, digits - 1) + "." + architecture.substr(digits - 1);
}

/// Without the marks around it; names of kernels may have asterisks in them.
std::string unquoted(std::string_view text) {
  for (const std::string_view mark : {"**", "`"}) {
    if (text.size() < 2 * mark.size() || !text.starts_with(mark) || !text.ends_with(mark)) continue;
    text.remove_prefix(mark.size());
    text.remove_suffix(mark.size());
  }
  return std::string(text);
}

}  // namespace

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  static const std::regex field("\\| ([^|]*) (?=\\|)");
  for (std::sregex_iterator at(line.begin(), line.end(), field), end; at != end; ++at) {
    fields.push_back((*at)[1].str());
  }
  return fields;
}

std::string short_name(std::string demangled) {
  // Parameters: what the last parenthesis closes.
  int depth = 0;
  std::size_t at = demangled.size();
  do {
    --at;
    depth += demangled[at] == ')' ? 1 : demangled[at] == '(' ? -1 : 0;
  } while (depth > 0 && at > 0);
  demangled.resize(at);
  static const std::regex scopes("\\(anonymous namespace\\)::|[A-Za-z_]\\w*::");
  std::string name = std::regex_replace(demangled, scopes, "");
  constexpr std::string_view result = "void ";  // templates have one
  if (name.starts_with(result)) name.erase(0, result.size());
  return name;
}

std::string short_kernel_name(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? short_name(demangled.get()) : mangled;
}

bool is_of_cub(std::string_view mangled) { return mangled.starts_with("_ZN3cub"); }

bool is_never_launched(std::string_view mangled) {
  return is_of_cub(mangled) && mangled.find("EmptyKernel") != mangled.npos;
}

std::vector<std::string> faults_of(const std::vector<BuiltKernel>& kernels) {
  std::vector<std::string> faults;
  for (const BuiltKernel& kernel : kernels) {
    const KernelResources& resources = kernel.resources;
    if (is_of_cub(resources.kernel)) continue;
    if (resources.spilled_bytes > 0 || resources.stack_bytes > 0) {
      faults.push_back(fmt::format("{}: {} bytes of spills and a stack of {} bytes, expected none",
                                   place_of(kernel), resources.spilled_bytes,
                                   resources.stack_bytes));
    }
    if (kernel.threads == 0) {
      faults.push_back(place_of(kernel) + ": no launch bounds, expected __launch_bounds__");
    }
    if (kernel.has_dynamic_shared != (kernel.dynamic_shared_bytes > 0)) {
      faults.push_back(fmt::format(
          "{}: {} dynamic shared memory, dynamic_shared_bytes() has {} bytes", place_of(kernel),
          kernel.has_dynamic_shared ? "uses" : "has no", kernel.dynamic_shared_bytes));
    }
  }
  return faults;
}

ResourceTable make_table(const std::string& compiler, const std::vector<BuiltKernel>& kernels) {
  ResourceTable table{.compiler = compiler, .architectures = architectures_of(kernels), .rows = {}};
  std::map<std::pair<std::string, std::string>, std::map<std::string, const BuiltKernel*>> by_row;
  for (const BuiltKernel& kernel : kernels) {
    auto& row = by_row[{kernel.source, short_kernel_name(kernel.resources.kernel)}];
    check(row.emplace(kernel.resources.architecture, &kernel).second,
          "{}: more than one kernel has that name", place_of(kernel));
  }
  for (const auto& [key, by_architecture] : by_row) {
    ResourceRow& row = table.rows[key];
    std::vector<std::int64_t> shared;
    std::int64_t dynamic = 0;
    for (const auto& architecture : table.architectures) {
      const auto found = by_architecture.find(architecture);
      if (found == by_architecture.end()) continue;
      const BuiltKernel& kernel = *found->second;
      shared.push_back(kernel.resources.shared_bytes);
      row.cells[architecture] = std::to_string(kernel.resources.registers);
      if (kernel.threads == 0) continue;
      row.threads = std::to_string(kernel.threads);
      dynamic = kernel.dynamic_shared_bytes;
      row.cells[architecture] +=
          fmt::format("/{}", occupancy_percent(kernel.resources, kernel.threads, dynamic));
    }
    if (std::ranges::all_of(shared, [&](std::int64_t bytes) { return bytes == shared[0]; })) {
      shared.resize(1);
    }
    row.shared = fmt::format("{}", fmt::join(shared, "/"));
    if (dynamic > 0) row.shared += fmt::format(" + {}", dynamic);
  }
  return table;
}

std::string to_markdown(const ResourceTable& table) {
  std::string text = fmt::format(introduction, table.compiler);
  const auto line = [&](const std::vector<std::string>& fields) {
    text += fmt::format("| {} |\n", fmt::join(fields, " | "));
  };
  std::vector<std::string> headings = {"kernel", "threads", "shared bytes"};
  for (const auto& name : table.architectures) headings.push_back(heading_of(name));
  line(headings);
  line(std::vector<std::string>(headings.size(), "---"));
  std::string source;
  for (const auto& [key, row] : table.rows) {
    if (key.first != source) {
      source = key.first;
      std::vector<std::string> fields(headings.size());
      fields[0] = "**" + source + "**";
      line(fields);
    }
    std::vector<std::string> fields = {"`" + key.second + "`", row.threads, row.shared};
    for (const auto& name : table.architectures) {
      const auto cell = row.cells.find(name);
      fields.push_back(cell == row.cells.end() ? "" : cell->second);
    }
    line(fields);
  }
  return text;
}

ResourceTable from_markdown(std::string_view text) {
  ResourceTable table;
  std::string source;
  static const std::regex compiler("nvcc ([0-9.]*[0-9])");
  std::match_results<std::string_view::const_iterator> match;
  check(std::regex_search(text.begin(), text.end(), match, compiler),
        "table of resources: no version of nvcc");
  table.compiler = match[1].str();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with("|") || line.starts_with("| ---")) continue;
    const std::vector<std::string> fields = fields_of(line);
    check(fields.size() >= 3 &&
              (table.architectures.empty() || fields.size() == table.architectures.size() + 3),
          "table of resources: '{}' has {} fields", line, fields.size());
    if (table.architectures.empty()) {
      for (std::size_t i = 3; i < fields.size(); ++i) {
        std::string name = fields[i];
        std::erase(name, '.');
        table.architectures.push_back(name);
      }
    } else if (line.starts_with("| **")) {
      source = unquoted(fields[0]);
    } else {
      ResourceRow& row = table.rows[{source, unquoted(fields[0])}];
      row.threads = fields[1];
      row.shared = fields[2];
      for (std::size_t i = 3; i < fields.size(); ++i) {
        if (!fields[i].empty()) row.cells[table.architectures[i - 3]] = fields[i];
      }
    }
  }
  return table;
}

std::vector<std::string> differences(const ResourceTable& built, const ResourceTable& recorded) {
  std::vector<std::string> lines;
  std::vector<std::string> common;
  std::ranges::copy_if(recorded.architectures, std::back_inserter(common), [&](const auto& name) {
    return std::ranges::find(built.architectures, name) != built.architectures.end();
  });
  const bool all_built = common.size() == recorded.architectures.size();
  const auto compare = [&](const std::string& what, const std::string& is, const std::string& was) {
    if (is != was) lines.push_back(fmt::format("{}: {}, expected {}", what, is, was));
  };
  for (const auto& [key, row] : built.rows) {
    const std::string place = key.first + ": " + key.second;
    const auto found = recorded.rows.find(key);
    if (found == recorded.rows.end()) {
      lines.push_back(place + " is not in the table");
      continue;
    }
    compare(place + ", threads", row.threads, found->second.threads);
    if (all_built) compare(place + ", shared bytes", row.shared, found->second.shared);
    const auto cell = [](const ResourceRow& from, const std::string& architecture) {
      const auto at = from.cells.find(architecture);
      return at == from.cells.end() ? std::string("none") : at->second;
    };
    for (const auto& architecture : common) {
      compare(place + " on sm_" + architecture + ", registers/occupancy", cell(row, architecture),
              cell(found->second, architecture));
    }
  }
  for (const auto& [key, row] : recorded.rows) {
    if (!built.rows.contains(key)) {
      lines.push_back(key.first + ": " + key.second + " is in the table, but not built");
    }
  }
  return lines;
}

}  // namespace lq::testing
