#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/bench_commands.h"
#include "apps/descriptions.h"
#include "apps/json_report.h"
#include "apps/network_options.h"
#include "apps/option_spec.h"
#include "apps/speed_chart.h"
#include "apps/text_table.h"
#include "bench/network.h"
#include "convert/pack.h"
#include "core/io/file.h"
#include "core/isa.h"
#include "deploy/packed_file.h"
#include "models/model.h"

namespace lq::apps {

namespace {

struct BenchNetworkCommand {
  std::filesystem::path file;
  NetworkOptions network{.model = "resnet20", .network = {.w_bits = 2, .a_bits = 2}};
  std::vector<std::int64_t> batches = {1};
  std::vector<int> threads = {1};
  int rounds = 30;
  bool layers = false;
  bool json = false;
  std::string chart;
};

/// What is timed, and what tells it from other networks.
struct NamedNetwork {
  deploy::PackedModel model;
  std::string label;                   ///< of a row, a table or a bar
  nlohmann::ordered_json description;  ///< keys for each row
};

/// "resnet20 2/2", or "resnet18 1/2 (type-a, hwgq)" with what the model does not take by itself.
std::string label_of(const std::string& model, const ModelOptions& options) {
  ModelOptions usual = options;
  usual.variant.clear();
  std::vector<std::string> remarks;
  const std::string variant = variant_of(model, options);
  if (variant != variant_of(model, usual)) remarks.push_back(variant);
  if (options.quantizer != ModelOptions().quantizer) remarks.push_back(options.quantizer);
  const std::string label = fmt::format("{} {}/{}", model, options.w_bits, options.a_bits);
  return remarks.empty() ? label : fmt::format("{} ({})", label, fmt::join(remarks, ", "));
}

/// A new network that has learned nothing: it costs as much as one that has.
NamedNetwork new_network(const NetworkOptions& network) {
  const ModelOptions options = network.parsed();
  const std::unique_ptr<Module> model = make_model(network.model, options);
  model->initialize(1);
  return {.model =
              convert::pack(*model, options.input,
                            {.name = network.model, .variant = variant_of(network.model, options)}),
          .label = label_of(network.model, options),
          .description = network_json(network.model, options)};
}

/// A file does not tell its network's bits, which may differ between layers: its path stands for
/// them.
NamedNetwork network_of_file(const std::filesystem::path& file) {
  NamedNetwork network{.model = deploy::read_packed_model(file), .label = {}, .description = {}};
  const deploy::PackedModel& model = network.model;
  const std::string remark = model.variant.empty() ? "" : ", " + model.variant;
  network.label = fmt::format("{} ({}{})", file.string(), model.name, remark);
  const deploy::Value& input = model.values[model.input];
  network.description = {{"network", file.string()},
                         {"model", model.name},
                         {"variant", model.variant},
                         {"classes", model.values[model.output].c},
                         {"input", shape_json({input.h, input.w, input.c})}};
  return network;
}

nlohmann::ordered_json to_json(const bench::OperationTiming& operation) {
  const bool multiplies = !operation.arithmetic.empty();
  return {{"layer", operation.name},
          {"arithmetic", multiplies ? nlohmann::ordered_json(operation.arithmetic) : nullptr},
          {"us", operation.us},
          {"percent", operation.percent},
          {"peak_percent", peak_json(operation.peak_percent)}};
}

nlohmann::ordered_json to_json(const NamedNetwork& network, const bench::NetworkTiming& timing,
                               bool with_layers) {
  nlohmann::ordered_json report = network.description;
  report.update({{"batch", timing.batch},
                 {"threads", timing.threads},
                 {"isa", name_of(active_isa())},
                 {"us", timing.us},
                 {"fp32_us", timing.fp32_us},
                 {"int8_us", timing.int8_us},
                 {"images_per_s", timing.images_per_s},
                 {"float_percent", timing.float_percent()},
                 {"weight_bytes", timing.weight_bytes}});
  if (!with_layers) return report;
  report["layers"] = nlohmann::ordered_json::array();
  for (const bench::OperationTiming& operation : timing.operations) {
    report["layers"].push_back(to_json(operation));
  }
  return report;
}

void print_layers(const std::string& label, const bench::NetworkTiming& timing) {
  fmt::print("\nLayers of {}, batch {}, {}, medians:\n", label, timing.batch,
             counted(timing.threads, "thread"));
  TextTable table({{"layer", TextTable::Align::left},
                   {"by", TextTable::Align::left},
                   {"us"},
                   {"% of time"},
                   {"% of peak"}});
  for (const bench::OperationTiming& operation : timing.operations) {
    table.add_row({operation.name, operation.arithmetic.empty() ? "-" : operation.arithmetic,
                   fmt::format("{:.1f}", operation.us), fmt::format("{:.1f}", operation.percent),
                   peak_text(operation.peak_percent)});
  }
  fmt::print("{}", table.str());
}

void write_chart(const std::string& path, const std::string& label,
                 const std::vector<bench::NetworkTiming>& timings) {
  std::vector<SpeedBar> bars;
  for (const bench::NetworkTiming& timing : timings) {
    bars.push_back({.label = label,
                    .batch = timing.batch,
                    .threads = timing.threads,
                    .over_fp32 = timing.fp32_us / timing.us,
                    .over_int8 = timing.int8_us / timing.us});
  }
  write_file_atomically(path, as_bytes(speed_chart("Packed network against oneDNN", bars)));
}

void print_text(const std::string& label, const std::vector<bench::NetworkTiming>& timings,
                bool with_layers) {
  TextTable table({{"network", TextTable::Align::left},
                   {"batch"},
                   {"threads"},
                   {"us"},
                   {"images/s"},
                   {"fp32 us"},
                   {"int8 us"},
                   {"x fp32"},
                   {"x int8"},
                   {"% in floats"},
                   {"weight bytes"}});
  for (const bench::NetworkTiming& timing : timings) {
    table.add_row({label, fmt::format("{}", timing.batch), fmt::format("{}", timing.threads),
                   fmt::format("{:.1f}", timing.us), fmt::format("{:.0f}", timing.images_per_s),
                   fmt::format("{:.1f}", timing.fp32_us), fmt::format("{:.1f}", timing.int8_us),
                   fmt::format("{:.2f}", timing.fp32_us / timing.us),
                   fmt::format("{:.2f}", timing.int8_us / timing.us),
                   fmt::format("{:.0f}", timing.float_percent()),
                   with_separators(static_cast<std::int64_t>(timing.weight_bytes))});
  }
  fmt::print("{}", table.str());
  fmt::print("against the same topology on oneDNN in the same run ({})\n", name_of(active_isa()));
  if (!with_layers) return;
  for (const bench::NetworkTiming& timing : timings) print_layers(label, timing);
}

void run(const BenchNetworkCommand& command) {
  const NamedNetwork network =
      command.file.empty() ? new_network(command.network) : network_of_file(command.file);
  std::vector<bench::NetworkTiming> timings;
  for (const std::int64_t batch : command.batches) {
    for (const int threads : command.threads) {
      timings.push_back(bench::time_network(
          network.model, {.batch = batch, .threads = threads, .rounds = command.rounds}));
    }
  }
  if (command.json) {
    nlohmann::ordered_json report = nlohmann::ordered_json::array();
    for (const bench::NetworkTiming& timing : timings) {
      report.push_back(to_json(network, timing, command.layers));
    }
    print_report(report);
  } else {
    print_text(network.label, timings, command.layers);
  }
  // Last: a chart that cannot be written must not take the numbers with it.
  if (!command.chart.empty()) write_chart(command.chart, network.label, timings);
}

}  // namespace

void add_bench_network_command(CLI::App& bench) {
  auto command = std::make_shared<BenchNetworkCommand>();
  CLI::App* network = bench.add_subcommand(
      "network",
      "Time a packed network against the same topology on oneDNN in fp32 and int8.\n"
      "All take turns in one run; the fastest of several rounds counts.");
  network->group("Commands");
  CLI::Option* file =
      add_option(*network,
                 {"--network", "FILE", "File written by lqnet pack, instead of --model",
                  some_path(), "Network"},
                 command->file);
  add_options(*network, command->network)->capture_default_str();
  add_option(*network, {"--batch", "N", "Images at a time", whole_number(1, 4096), "Measurement"},
             command->batches)
      ->delimiter(',')
      ->capture_default_str();
  add_option(*network, {"--threads", "N", "Threads", whole_number(1, 1024), "Measurement"},
             command->threads)
      ->delimiter(',')
      ->capture_default_str();
  add_option(*network,
             {"--rounds", "N", "Rounds, each with all in turn", whole_number(1), "Measurement"},
             command->rounds)
      ->capture_default_str();
  network->add_flag("--layers", command->layers, "Show what each layer takes")->group("Output");
  add_option(*network, {"--chart", "FILE", "Draw the speeds as SVG", some_path(), "Output"},
             command->chart);
  network->add_flag("--json", command->json, "Print the result as JSON")->group("Output");
  network->callback([command, network, file] {
    if (file->count() > 0) refuse_network_options(*network, *file);
    run(*command);
  });
}

}  // namespace lq::apps
