#include "emulator/runtime/profile.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <vector>

#include "core/error.h"
#include "emulator/machine/instruction_kind.h"

namespace lq::emulator {
namespace {

constexpr std::uint64_t sector = 32;
constexpr std::size_t most_lines = 20;

struct Amount {
  std::uint64_t warps = 0;
  std::uint64_t lanes = 0;
};

struct Line {
  Tally tally;
  std::string place;
};

struct Summary {
  Tally total;
  std::size_t instructions = 0;  // of the kernel and of what it calls, as they stand in the program
  std::size_t executed = 0;      // of these
  std::map<std::string, Amount> kinds;
  std::map<std::string, Tally> lines;
  std::uint64_t operations = 0;
  std::uint64_t atomics = 0;  // of lanes
};

Summary summary_of(const Program& program, const Counters& counters) {
  Summary result;
  for (std::size_t f = 0; f < counters.tallies.size(); ++f) {
    const Function& function = program.functions[f];
    const std::size_t executed_before = result.executed;
    for (std::size_t pc = 0; pc < counters.tallies[f].size(); ++pc) {
      const Tally& tally = counters.tallies[f][pc];
      if (tally.warps == 0) continue;
      ++result.executed;
      const std::string& text = function.places[pc].text;
      const std::string kind = instruction_kind(text);
      const Operations operations = instruction_operations(text);
      result.total += tally;
      result.kinds[kind].warps += tally.warps;
      result.kinds[kind].lanes += tally.lanes;
      result.operations += operations.per_lane * tally.lanes + operations.per_warp * tally.warps;
      if (kind == "atomic") result.atomics += tally.lanes;
      if (tally.global_requests + tally.shared_requests > 0) {
        result.lines[source_text(program, function, pc)] += tally;
      }
    }
    if (result.executed > executed_before) result.instructions += function.places.size();
  }
  return result;
}

std::vector<Line> worst_lines(const Summary& summary) {
  std::vector<Line> lines;
  for (const auto& [place, tally] : summary.lines) lines.push_back({tally, place});
  const auto cost = [](const Line& line) {
    return line.tally.global_sectors + line.tally.shared_wavefronts;
  };
  std::stable_sort(lines.begin(), lines.end(),
                   [&](const Line& a, const Line& b) { return cost(a) > cost(b); });
  lines.resize(std::min(lines.size(), most_lines));
  return lines;
}

double ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
}

std::string memory_table(const Summary& summary) {
  const Tally& total = summary.total;
  const std::uint64_t moved = total.global_sectors * sector;
  return fmt::format(
      "  global memory: {} requests, {} sectors ({:.2f} per request, ideal {:.2f}), {} bytes asked "
      "for, {} moved\n"
      "  shared memory: {} requests, {} wavefronts, {} of them bank conflicts\n"
      "  local memory: {} bytes; atomics: {} of lanes; {} operations (float and matrix), {:.3f} "
      "for "
      "each byte moved\n",
      total.global_requests, total.global_sectors,
      ratio(total.global_sectors, total.global_requests),
      ratio(total.global_bytes, total.global_requests * sector), total.global_bytes, moved,
      total.shared_requests, total.shared_wavefronts, total.shared_wavefronts - total.shared_passes,
      total.local_bytes, summary.atomics, summary.operations, ratio(summary.operations, moved));
}

std::string table(const std::string& name, std::uint64_t launches, const Summary& summary,
                  bool with_lines) {
  std::string text = fmt::format(
      "emulator: {}\n  launches {}, warp instructions {}, lane instructions {} ({:.1f} active "
      "lanes on average); {} of {} instructions of its code have run\n",
      demangled(name), launches, summary.total.warps, summary.total.lanes,
      ratio(summary.total.lanes, summary.total.warps), summary.executed, summary.instructions);
  std::vector<std::pair<std::string, Amount>> kinds(summary.kinds.begin(), summary.kinds.end());
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.second.warps > b.second.warps; });
  for (const auto& [kind, amount] : kinds) {
    text += fmt::format("  {:18} {:14} of warps, {:16} of lanes, {:5.1f} %\n", kind, amount.warps,
                        amount.lanes, 100 * ratio(amount.warps, summary.total.warps));
  }
  text += memory_table(summary);
  if (!with_lines) return text;
  for (const Line& line : worst_lines(summary)) {
    const Tally& tally = line.tally;
    text += fmt::format(
        "  {}: {} sectors in {} requests, {} wavefronts in {} requests, {} bank conflicts\n",
        line.place, tally.global_sectors, tally.global_requests, tally.shared_wavefronts,
        tally.shared_requests, tally.shared_wavefronts - tally.shared_passes);
  }
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    result += static_cast<unsigned char>(letter) < ' ' ? ' ' : letter;
  }
  return result + '"';
}

std::string tally_fields(const Tally& tally) {
  return fmt::format(
      "\"warp_instructions\": {}, \"lane_instructions\": {}, \"global_requests\": {}, "
      "\"global_sectors\": {}, \"global_bytes\": {}, \"global_written_bytes\": {}, "
      "\"shared_requests\": {}, "
      "\"shared_wavefronts\": {}, \"bank_conflicts\": {}, \"local_bytes\": {}",
      tally.warps, tally.lanes, tally.global_requests, tally.global_sectors, tally.global_bytes,
      tally.global_written_bytes, tally.shared_requests, tally.shared_wavefronts,
      tally.shared_wavefronts - tally.shared_passes, tally.local_bytes);
}

std::string json(const std::string& name, std::uint64_t launches, const Summary& summary) {
  std::string kinds;
  for (const auto& [kind, amount] : summary.kinds) {
    kinds += fmt::format("{}{}: {{\"warps\": {}, \"lanes\": {}}}", kinds.empty() ? "" : ", ",
                         quoted(kind), amount.warps, amount.lanes);
  }
  std::string lines;
  for (const Line& line : worst_lines(summary)) {
    lines += fmt::format("{}{{\"place\": {}, {}}}", lines.empty() ? "" : ", ", quoted(line.place),
                         tally_fields(line.tally));
  }
  return fmt::format(
      "{{\"kernel\": {}, \"launches\": {}, \"code\": {}, \"executed_code\": {}, {}, \"atomics\": "
      "{}, \"operations\": {}, \"kinds\": "
      "{{{}}}, \"lines\": [{}]}}",
      quoted(demangled(name)), launches, summary.instructions, summary.executed,
      tally_fields(summary.total), summary.atomics, summary.operations, kinds, lines);
}

void write(const std::string& text, const char* setting, const std::string& file) {
  std::ofstream stream(file);
  stream << text;
  check(static_cast<bool>(stream.flush()), "{}: cannot write {}", setting, file);
}

}  // namespace

void Profile::add(const Program& program, const std::string& kernel, const Counters& counters) {
  Kernel& entry = kernels_[{kernel, &program}];
  ++entry.launches;
  entry.counters += counters;
}

void Profile::write_counters(const Settings& settings) const {
  if (settings.counters == CounterOutput::none) return;
  std::string text;
  for (const auto& [key, kernel] : kernels_) {
    const std::string& name = key.first;
    const Summary summary = summary_of(*key.second, kernel.counters);
    if (settings.counters == CounterOutput::json) {
      text += (text.empty() ? "[" : ",\n ") + json(name, kernel.launches, summary);
    } else {
      text += table(name, kernel.launches, summary, settings.counters == CounterOutput::lines);
    }
  }
  if (settings.counters == CounterOutput::json) text += text.empty() ? "[]\n" : "]\n";
  if (settings.counter_file.empty()) {
    fmt::print(stderr, "{}", text);
  } else {
    write(text, "LQNET_EMULATED_COUNTERS", settings.counter_file);
  }
}

void Profile::write_launches(const Settings& settings,
                             const std::vector<std::string>& kernels) const {
  if (settings.launch_file.empty()) return;
  std::map<std::string, std::uint64_t> launches;
  for (const std::string& kernel : kernels) launches[kernel] = 0;
  for (const auto& [key, kernel] : kernels_) launches[key.first] += kernel.launches;
  std::string text;
  for (const auto& [kernel, count] : launches) text += fmt::format("{} {}\n", count, kernel);
  write(text, "LQNET_EMULATED_LAUNCHES", settings.launch_file);
}

}  // namespace lq::emulator
