#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <tuple>

#include "apps/bench_commands.h"
#include "apps/convolution_selection.h"
#include "apps/json_report.h"
#include "apps/option_spec.h"
#include "apps/speed_chart.h"
#include "apps/text_table.h"
#include "apps/timing_groups.h"
#include "bench/convolution.h"
#include "core/io/file.h"
#include "core/io/progress.h"
#include "core/isa.h"

namespace lq::apps {

namespace {

struct BenchConvolutionCommand {
  ConvolutionSelection selection{.width_texts = {"1/1", "1/2", "2/2", "3/3", "4/4"},
                                 .batches = {1}};
  std::vector<int> threads = {1};
  int rounds = 20;
  bool json = false;
  std::string chart;
};

bench::ConvolutionBenchOptions options_of(const BenchConvolutionCommand& command) {
  const ConvolutionSelection& selection = command.selection;
  return {.shapes = selection.shapes(),
          .widths = selection.widths(),
          .batches = selection.batches,
          .threads = command.threads,
          .rounds = command.rounds};
}

nlohmann::ordered_json to_json(const bench::ConvolutionTiming& timing) {
  return {{"layer", timing.layer},
          {"w_bits", timing.widths.weights},
          {"a_bits", timing.widths.activations},
          {"arithmetic", timing.arithmetic},
          {"batch", timing.batch},
          {"threads", timing.threads},
          {"us", timing.us},
          {"fp32_us", timing.fp32_us},
          {"int8_us", timing.int8_us},
          {"peak_percent", peak_json(timing.peak_percent)}};
}

/// How many times faster than oneDNN layers are with one pair of widths, batch and number of
/// threads.
struct MeanSpeedup {
  bench::BitWidths widths;
  std::int64_t batch = 1;
  int threads = 1;
  double over_fp32 = 1;
  double over_int8 = 1;
};

std::vector<MeanSpeedup> mean_speedups(const std::vector<bench::ConvolutionTiming>& timings) {
  const auto key = [](const bench::ConvolutionTiming& timing) {
    return std::tuple(timing.widths.to_string(), timing.batch, timing.threads);
  };
  std::vector<MeanSpeedup> means;
  for (const std::vector<bench::ConvolutionTiming>& of_group : grouped(timings, key)) {
    const bench::ConvolutionTiming& first = of_group.front();
    means.push_back(
        {.widths = first.widths,
         .batch = first.batch,
         .threads = first.threads,
         .over_fp32 = bench::geometric_mean_speedup(of_group, &bench::ConvolutionTiming::fp32_us),
         .over_int8 = bench::geometric_mean_speedup(of_group, &bench::ConvolutionTiming::int8_us)});
  }
  return means;
}

nlohmann::ordered_json to_json(const MeanSpeedup& mean) {
  return {{"w_bits", mean.widths.weights}, {"a_bits", mean.widths.activations},
          {"batch", mean.batch},           {"threads", mean.threads},
          {"x_fp32", mean.over_fp32},      {"x_int8", mean.over_int8}};
}

TextTable make_table() {
  return TextTable({{"layer", TextTable::Align::left},
                    {"W/A", TextTable::Align::left},
                    {"by", TextTable::Align::left},
                    {"batch"},
                    {"threads"},
                    {"us"},
                    {"fp32 us"},
                    {"int8 us"},
                    {"x fp32"},
                    {"x int8"},
                    {"% of peak"}});
}

void add_row(TextTable& table, const bench::ConvolutionTiming& timing) {
  table.add_row(
      {timing.layer, timing.widths.to_string(), timing.arithmetic, fmt::format("{}", timing.batch),
       fmt::format("{}", timing.threads), fmt::format("{:.1f}", timing.us),
       fmt::format("{:.1f}", timing.fp32_us), fmt::format("{:.1f}", timing.int8_us),
       fmt::format("{:.2f}", timing.fp32_us / timing.us),
       fmt::format("{:.2f}", timing.int8_us / timing.us), peak_text(timing.peak_percent)});
}

void print_text(const std::vector<bench::ConvolutionTiming>& timings) {
  TextTable table = make_table();
  for (const bench::ConvolutionTiming& timing : timings) add_row(table, timing);
  fmt::print("{}", table.str());
  fmt::print("\nGeometric means, times faster than oneDNN in the same run ({}):\n",
             lq::name_of(active_isa()));
  for (const MeanSpeedup& mean : mean_speedups(timings)) {
    fmt::print("{}, batch {}, {}: {:.2f} x fp32, {:.2f} x int8\n", mean.widths.to_string(),
               mean.batch, counted(mean.threads, "thread"), mean.over_fp32, mean.over_int8);
  }
}

void print_json(const std::vector<bench::ConvolutionTiming>& timings) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const bench::ConvolutionTiming& timing : timings) rows.push_back(to_json(timing));
  nlohmann::ordered_json means = nlohmann::ordered_json::array();
  for (const MeanSpeedup& mean : mean_speedups(timings)) means.push_back(to_json(mean));
  print_report({{"isa", lq::name_of(active_isa())},
                {"convolutions", std::move(rows)},
                {"geometric_means", std::move(means)}});
}

void write_chart(const std::string& path, const std::vector<bench::ConvolutionTiming>& timings) {
  std::vector<SpeedBar> bars;
  for (const bench::ConvolutionTiming& timing : timings) {
    bars.push_back({.label = fmt::format("{} {}", timing.layer, timing.widths.to_string()),
                    .batch = timing.batch,
                    .threads = timing.threads,
                    .over_fp32 = timing.fp32_us / timing.us,
                    .over_int8 = timing.int8_us / timing.us});
  }
  write_file_atomically(path, as_bytes(speed_chart("Packed convolutions against oneDNN", bars)));
}

std::vector<bench::ConvolutionTiming> time_with_progress(
    const bench::ConvolutionBenchOptions& options) {
  Progress progress;
  ProgressState state{.steps = std::ssize(options.shapes) * std::ssize(options.widths) *
                               std::ssize(options.batches) * std::ssize(options.threads),
                      .bar_only = true};
  return bench::time_convolutions(options, [&](const bench::ConvolutionTiming& timing) {
    ++state.step;
    state.label = timing.layer + " " + timing.widths.to_string();
    progress.update(state);
  });
}

void run(const BenchConvolutionCommand& command) {
  const auto timings = time_with_progress(options_of(command));
  if (command.json) {
    print_json(timings);
  } else {
    print_text(timings);
  }
  // Last: a chart that cannot be written must not take the numbers with it.
  if (!command.chart.empty()) write_chart(command.chart, timings);
}

}  // namespace

void add_bench_convolution_command(CLI::App& bench) {
  auto command = std::make_shared<BenchConvolutionCommand>();
  CLI::App* conv = bench.add_subcommand(
      "conv",
      "Time packed convolutions against oneDNN's in fp32 and int8.\n"
      "All take turns in one run; the fastest of several rounds counts. The packed ones include\n"
      "thresholds and repacking, the others ReLU (and requantization).");
  conv->group("Commands");
  add_convolution_options(*conv, command->selection);
  add_option(*conv, {"--threads", "N", "Threads", whole_number(1, 1024), "Measurement"},
             command->threads)
      ->delimiter(',')
      ->capture_default_str();
  add_option(*conv,
             {"--rounds", "N", "Rounds, each with all in turn", whole_number(1), "Measurement"},
             command->rounds)
      ->capture_default_str();
  add_option(*conv, {"--chart", "FILE", "Draw the speeds as SVG", some_path(), "Output"},
             command->chart);
  conv->add_flag("--json", command->json, "Print the result as JSON")->group("Output");
  conv->callback([command] { run(*command); });
}

}  // namespace lq::apps
