#include "apps/cuda/bench_cuda_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "apps/bench_commands.h"
#include "apps/text_table.h"
#include "apps/timing_groups.h"
#include "bench/geometric_mean.h"
#include "bench/published_bars.h"

namespace lq::apps {

namespace {

using bench::CudaConvolutionOptions;
using bench::CudaConvolutionReport;
using bench::CudaConvolutionTiming;
using bench::CudaPeerTiming;

constexpr const char* numbers_of_peers[] = {"fp16", "int8"};

/// Columns of the table: library and numbers.
using PeerName = std::pair<std::string, std::string>;

std::string describe(Device device) { return device_backend(device.type).describe(device.index); }

nlohmann::ordered_json or_null(std::optional<double> value) {
  return value ? nlohmann::ordered_json(*value) : nullptr;
}

std::string or_dash(std::optional<double> value) {
  return value ? fmt::format("{:.2f}", *value) : "-";
}

/// Layers with one pair of widths and one batch.
std::vector<std::vector<CudaConvolutionTiming>> groups_of(const CudaConvolutionReport& report) {
  return grouped(report.timings, [](const CudaConvolutionTiming& timing) {
    return std::tuple(timing.widths.to_string(), timing.batch);
  });
}

/// Of the layers that have a peer with these numbers; nothing where none has.
std::optional<double> mean_speedup(const std::vector<CudaConvolutionTiming>& timings,
                                   const char* numbers) {
  std::vector<double> ratios;
  for (const CudaConvolutionTiming& timing : timings) {
    if (const auto ratio = timing.speedup_over(numbers)) ratios.push_back(*ratio);
  }
  if (ratios.empty()) return std::nullopt;
  return bench::geometric_mean(ratios);
}

nlohmann::ordered_json peers_json(const CudaConvolutionTiming& timing) {
  nlohmann::ordered_json peers = nlohmann::ordered_json::array();
  for (const CudaPeerTiming& peer : timing.peers) {
    nlohmann::ordered_json entry{
        {"library", peer.library}, {"numbers", peer.numbers}, {"us", or_null(peer.us)}};
    if (!peer.us) entry["missing"] = peer.missing;
    peers.push_back(std::move(entry));
  }
  return peers;
}

nlohmann::ordered_json published_json(const CudaConvolutionTiming& timing) {
  nlohmann::ordered_json bars = nlohmann::ordered_json::array();
  for (const auto& bar : bench::find_published_bars(timing.shape, timing.widths, timing.batch)) {
    bars.push_back({{"us", bar.us},
                    {"by", bar.by},
                    {"gpu", bar.gpu},
                    {"source", bar.source},
                    {"remark", bar.remark}});
  }
  return bars;
}

nlohmann::ordered_json to_json(const CudaConvolutionTiming& timing) {
  return {{"layer", timing.shape.name},
          {"w_bits", timing.widths.weights},
          {"a_bits", timing.widths.activations},
          {"batch", timing.batch},
          {"path", timing.path},
          {"instructions", timing.instructions},
          {"tile", timing.tile.empty() ? nullptr : nlohmann::ordered_json(timing.tile)},
          {"splits", timing.splits},
          {"us", timing.us},
          {"tops", timing.tops},
          {"peak_percent", peak_json(timing.peak_percent)},
          {"peers", peers_json(timing)},
          {"x_fp16", or_null(timing.speedup_over("fp16"))},
          {"x_int8", or_null(timing.speedup_over("int8"))},
          {"published", published_json(timing)}};
}

/// "mma b1 xor 32x32 in 4".
std::string way_of(const CudaConvolutionTiming& timing) {
  std::string way = timing.path + " " + timing.instructions;
  if (!timing.tile.empty()) way += " " + timing.tile;
  if (timing.splits > 1) way += fmt::format(" in {}", timing.splits);
  return way;
}

std::vector<PeerName> peer_names(const CudaConvolutionReport& report) {
  std::vector<PeerName> names;
  for (const CudaConvolutionTiming& timing : report.timings) {
    for (const CudaPeerTiming& peer : timing.peers) {
      const PeerName name(peer.library, peer.numbers);
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::optional<double> us_of(const CudaConvolutionTiming& timing, const PeerName& name) {
  const auto found = std::ranges::find_if(timing.peers, [&](const CudaPeerTiming& peer) {
    return PeerName(peer.library, peer.numbers) == name;
  });
  return found == timing.peers.end() ? std::nullopt : found->us;
}

TextTable table_of(const CudaConvolutionReport& report) {
  std::vector<TextTable::Column> columns{{"layer", TextTable::Align::left},
                                         {"W/A", TextTable::Align::left},
                                         {"batch"},
                                         {"by", TextTable::Align::left},
                                         {"us"},
                                         {"TOPS"},
                                         {"% of peak"}};
  const std::vector<PeerName> peers = peer_names(report);
  for (const auto& [library, numbers] : peers) columns.push_back({library + " " + numbers + " us"});
  if (!peers.empty()) {
    for (const char* const numbers : numbers_of_peers) {
      columns.push_back({std::string("x ") + numbers});
    }
  }
  TextTable table(columns);
  for (const CudaConvolutionTiming& timing : report.timings) {
    std::vector<std::string> row{timing.shape.name,
                                 timing.widths.to_string(),
                                 fmt::format("{}", timing.batch),
                                 way_of(timing),
                                 fmt::format("{:.2f}", timing.us),
                                 fmt::format("{:.1f}", timing.tops),
                                 peak_text(timing.peak_percent)};
    for (const PeerName& peer : peers) row.push_back(or_dash(us_of(timing, peer)));
    if (!peers.empty()) {
      for (const char* const numbers : numbers_of_peers) {
        row.push_back(or_dash(timing.speedup_over(numbers)));
      }
    }
    table.add_row(std::move(row));
  }
  return table;
}

/// A line for each reason: "-  cuDNN int8: it has no way to compute this (64x7x7, batch 1)".
void print_missing(const CudaConvolutionReport& report) {
  std::map<std::string, std::vector<std::string>> layers_of_reason;
  std::vector<std::string> reasons;
  for (const CudaConvolutionTiming& timing : report.timings) {
    for (const CudaPeerTiming& peer : timing.peers) {
      if (peer.us) continue;
      const std::string reason = fmt::format("{} {}: {}", peer.library, peer.numbers, peer.missing);
      std::vector<std::string>& layers = layers_of_reason[reason];
      if (layers.empty()) reasons.push_back(reason);
      std::string layer = fmt::format("{} batch {}", timing.shape.name, timing.batch);
      if (std::ranges::find(layers, layer) == layers.end()) layers.push_back(std::move(layer));
    }
  }
  for (const std::string& reason : reasons) {
    fmt::print("-  {} ({})\n", reason, fmt::join(layers_of_reason.at(reason), ", "));
  }
}

void print_means(const CudaConvolutionReport& report) {
  fmt::print("\nGeometric means, times faster than the fastest library in the same run:\n");
  for (const auto& of_group : groups_of(report)) {
    const CudaConvolutionTiming& first = of_group.front();
    fmt::print("{}, batch {}: {} x fp16, {} x int8\n", first.widths.to_string(), first.batch,
               or_dash(mean_speedup(of_group, "fp16")), or_dash(mean_speedup(of_group, "int8")));
  }
}

void print_published(const CudaConvolutionReport& report) {
  TextTable table({{"layer", TextTable::Align::left},
                   {"W/A", TextTable::Align::left},
                   {"batch"},
                   {"us here"},
                   {"published us"},
                   {"by", TextTable::Align::left},
                   {"on", TextTable::Align::left}});
  std::vector<std::string> sources;
  for (const CudaConvolutionTiming& timing : report.timings) {
    for (const auto& bar : bench::find_published_bars(timing.shape, timing.widths, timing.batch)) {
      table.add_row({timing.shape.name, timing.widths.to_string(), fmt::format("{}", timing.batch),
                     fmt::format("{:.2f}", timing.us), fmt::format("{:.2f}", bar.us),
                     std::string(bar.by), std::string(bar.gpu)});
      std::string source = fmt::format("{}: {}; {}", bar.by, bar.source, bar.remark);
      if (std::ranges::find(sources, source) == sources.end()) sources.push_back(std::move(source));
    }
  }
  if (sources.empty()) return;
  fmt::print("\nPublished by others, not measured in this run:\n{}", table.str());
  for (const std::string& source : sources) fmt::print("{}\n", source);
}

}  // namespace

nlohmann::ordered_json cuda_json(const CudaConvolutionReport& report,
                                 const CudaConvolutionOptions& options) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const CudaConvolutionTiming& timing : report.timings) rows.push_back(to_json(timing));
  nlohmann::ordered_json means = nlohmann::ordered_json::array();
  if (options.has_peers) {
    for (const auto& of_group : groups_of(report)) {
      const CudaConvolutionTiming& first = of_group.front();
      means.push_back({{"w_bits", first.widths.weights},
                       {"a_bits", first.widths.activations},
                       {"batch", first.batch},
                       {"x_fp16", or_null(mean_speedup(of_group, "fp16"))},
                       {"x_int8", or_null(mean_speedup(of_group, "int8"))}});
    }
  }
  return {{"device", describe(options.device)},
          {"libraries", report.libraries},
          {"cold", options.cold},
          {"rounds", options.rounds},
          {"repeats", options.repeats},
          {"convolutions", std::move(rows)},
          {"geometric_means", std::move(means)}};
}

void print_cuda_text(const CudaConvolutionReport& report, const CudaConvolutionOptions& options) {
  fmt::print("{}", table_of(report).str());
  print_missing(report);
  fmt::print(
      "{}; medians of {} runs of {} repeats, second-level cache {}; all results as on the CPU\n",
      describe(options.device), options.rounds, options.repeats, options.cold ? "cold" : "warm");
  if (options.has_peers) {
    fmt::print("{}; their layers are convolutions or products alone\n",
               fmt::join(report.libraries, ", "));
    print_means(report);
  }
  print_published(report);
}

}  // namespace lq::apps
