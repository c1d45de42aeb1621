#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "apps/commands.h"
#include "apps/descriptions.h"
#include "apps/json_report.h"
#include "apps/network_options.h"
#include "apps/run_files.h"
#include "apps/text_table.h"
#include "convert/cost_table.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;
using convert::CostTable;
using convert::CostTotals;
using convert::LayerCost;
using nlohmann::ordered_json;

struct InfoCommand {
  fs::path checkpoint;
  NetworkOptions network;
  bool json = false;
};

/// What is shown: a network, and the training that it has had.
struct Subject {
  std::string model;
  ModelOptions options;
  std::optional<TrainedNetwork> training;
};

Subject subject_of(const InfoCommand& command) {
  if (command.checkpoint.empty()) {
    return {.model = command.network.model, .options = command.network.parsed()};
  }
  TrainedNetwork network = load_network(command.checkpoint);
  return {.model = network.checkpoint.recipe.model,
          .options = model_options(network.checkpoint),
          .training = std::move(network)};
}

ordered_json to_json(const LayerCost& layer) {
  return {{"path", layer.path},
          {"operation", layer.operation},
          {"kernel", layer.kernel},
          {"stride", layer.stride},
          {"input", shape_json(layer.input)},
          {"output", shape_json(layer.output)},
          {"weights", layer.weights},
          {"biases", layer.biases},
          {"macs", layer.macs},
          {"bit_macs", layer.bit_macs},
          {"w_bits", layer.w_bits},
          {"a_bits", layer.a_bits},
          {"fp32_bytes", layer.fp32_bytes},
          {"packed_bytes", layer.packed_bytes}};
}

ordered_json to_json(const CostTotals& totals) {
  return {{"weights", totals.weights},
          {"parameters", totals.parameters},
          {"macs", totals.macs},
          {"quantized_weight_percent", totals.quantized_weight_percent},
          {"quantized_mac_percent", totals.quantized_mac_percent},
          {"bit_mac_percent", totals.bit_mac_percent},
          {"batch_norm_bytes", totals.batch_norm_bytes},
          {"fp32_bytes", totals.fp32_bytes},
          {"packed_bytes", totals.packed_bytes},
          {"compression", totals.compression}};
}

void print_json(const Subject& subject, const CostTable& table) {
  ordered_json report = network_json(subject.model, subject.options);
  if (subject.training) {
    report["checkpoint"] = subject.training->path.string();
    report["training"] = training_json(subject.training->checkpoint);
  }
  report["layers"] = ordered_json::array();
  for (const LayerCost& layer : table.layers) report["layers"].push_back(to_json(layer));
  report["totals"] = to_json(table.totals);
  print_report(report);
}

/// "conv2d 3x3/2".
std::string operation_text(const LayerCost& layer) {
  if (layer.kernel.size() != 2) return layer.operation;
  std::string text = fmt::format("{} {}x{}", layer.operation, layer.kernel[0], layer.kernel[1]);
  if (layer.stride == std::vector<std::int64_t>{1, 1}) return text;
  return layer.stride[0] == layer.stride[1]
             ? fmt::format("{}/{}", text, layer.stride[0])
             : fmt::format("{}/{}x{}", text, layer.stride[0], layer.stride[1]);
}

std::string layer_table(const CostTable& table) {
  using Align = TextTable::Align;
  TextTable text({{"layer", Align::left},
                  {"operation", Align::left},
                  {"input"},
                  {"output"},
                  {"weights"},
                  {"MACs"},
                  {"W/A bits"},
                  {"fp32 bytes"},
                  {"packed bytes"}});
  for (const LayerCost& layer : table.layers) {
    text.add_row({layer.path, operation_text(layer), layer.input.to_string(),
                  layer.output.to_string(), with_separators(layer.weights),
                  with_separators(layer.macs), fmt::format("{}/{}", layer.w_bits, layer.a_bits),
                  with_separators(layer.fp32_bytes), with_separators(layer.packed_bytes)});
  }
  const CostTotals& totals = table.totals;
  const std::string bn_bytes = with_separators(totals.batch_norm_bytes);
  text.add_row({"batch normalizations", "", "", "", "", "", "", bn_bytes, bn_bytes});
  text.add_rule();
  text.add_row({"total", "", "", "", with_separators(totals.weights), with_separators(totals.macs),
                "", with_separators(totals.fp32_bytes), with_separators(totals.packed_bytes)});
  return text.str();
}

void print_training(const Checkpoint& checkpoint) {
  fmt::print("trained by {} on {}: {}", describe_recipe(checkpoint.recipe),
             checkpoint.recipe.dataset, describe_epoch(checkpoint));
  const auto& best = checkpoint.state.best;
  if (best) fmt::print(", best test accuracy {:.2f} %", 100 * best->accuracy);
  fmt::print("\n");
}

void print_text(const Subject& subject, const CostTable& table) {
  fmt::print("{}; input {}, {} classes\n", describe_network(subject.model, subject.options),
             subject.options.input.to_string(), subject.options.classes);
  if (subject.training) print_training(subject.training->checkpoint);
  const CostTotals& totals = table.totals;
  fmt::print("\n{}\n", layer_table(table));
  fmt::print("weights      {} ({:.1f} % quantized)\n", with_separators(totals.weights),
             totals.quantized_weight_percent);
  fmt::print("parameters   {} (with biases and batch normalization)\n",
             with_separators(totals.parameters));
  fmt::print("MACs         {} ({:.1f} % with quantized weights, {:.1f} % bit operations)\n",
             with_separators(totals.macs), totals.quantized_mac_percent, totals.bit_mac_percent);
  fmt::print("fp32 size    {}\n", readable_bytes(totals.fp32_bytes));
  fmt::print("packed size  {} ({:.1f} times smaller)\n", readable_bytes(totals.packed_bytes),
             totals.compression);
}

void run(const InfoCommand& command) {
  const Subject subject = subject_of(command);
  const std::unique_ptr<Module> model = make_model(subject.model, subject.options);
  const CostTable table = convert::cost_table(*model, subject.options.input);
  if (command.json) {
    print_json(subject, table);
  } else {
    print_text(subject, table);
  }
}

}  // namespace

void add_info_command(CLI::App& app) {
  auto command = std::make_shared<InfoCommand>();
  CLI::App* info = app.add_subcommand(
      "info",
      "Show what each layer of a network costs.\n"
      "Shapes, weights, multiply-accumulate operations (MACs), bits and bytes, for a network by\n"
      "name or for that of a checkpoint.");
  CLI::Option* model = add_options(*info, command->network);
  CLI::Option* checkpoint = add_checkpoint_option(*info, command->checkpoint);
  info->add_flag("--json", command->json, "Print the result as JSON");
  info->callback([command, info, model, checkpoint] {
    if (checkpoint->count() == 0 && model->count() == 0) {
      throw CLI::RequiredError("--model or --checkpoint");
    }
    if (checkpoint->count() > 0) refuse_network_options(*info, *checkpoint);
    run(*command);
  });
}

}  // namespace lq::apps
