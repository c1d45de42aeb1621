#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/descriptions.h"
#include "apps/json_report.h"
#include "apps/layer_figure.h"
#include "apps/layer_statistics.h"
#include "apps/loader_options.h"
#include "apps/option_spec.h"
#include "apps/run_files.h"
#include "apps/text_table.h"
#include "core/io/diagnostics.h"
#include "core/io/file.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct StatsCommand {
  fs::path checkpoint;
  fs::path data;
  fs::path out;
  LayerStatisticsOptions options;
  std::optional<int> loader_threads;
  ComputeOptions compute;
  bool json = false;
};

ordered_json to_json(const SideStatistics& side) {
  ordered_json levels = ordered_json::array();
  for (const LevelSummary& level : side.levels) {
    levels.push_back({{"initial", level.initial},
                      {"learned", level.learned},
                      {"position", level.position},
                      {"position_p10", level.position_p10},
                      {"position_p90", level.position_p90},
                      {"count", level.count}});
  }
  const Histogram& floating = side.floating;
  return {{"bits", side.bits},
          {"quantizer", side.quantizer},
          {"values", side.values},
          {"normalized_channels", side.normalized_channels},
          {"levels", std::move(levels)},
          {"histogram",
           {{"low", floating.low},
            {"high", floating.high},
            {"counts", floating.counts},
            {"below", floating.below},
            {"above", floating.above},
            {"nan", floating.not_a_number}}}};
}

void print_json(const LayerStatistics& statistics, const SkippedImages& skipped,
                const Checkpoint& checkpoint, const fs::path& path, const std::string& machine) {
  ordered_json report{{"checkpoint", path.string()}};
  report.update(network_json(checkpoint.recipe.model, model_options(checkpoint)));
  report["training"] = training_json(checkpoint);
  report["dataset"] = checkpoint.recipe.dataset;
  report["layer"] = statistics.layer;
  report["operation"] = statistics.operation;
  report["channel"] = nullptr;
  if (statistics.channel) report["channel"] = *statistics.channel;
  report["images"] = statistics.images;
  report["skipped_images"] = skipped.count;
  report["weights"] = to_json(statistics.weights);
  report["activations"] = to_json(statistics.activations);
  report["device"] = machine;
  print_report(report);
}

/// Levels before training and now, as they are and relative to the top one: learning moves both
/// the scale and the spacing, and only the first column pair shows the scale.
void print_levels(const SideStatistics& side, std::string_view name) {
  if (side.levels.empty()) {
    fmt::print("{}: floating point\n\n", name);
    return;
  }
  fmt::print("{}: {} values, {} bits", name, with_separators(side.values), side.bits);
  if (side.normalized_channels > 0) {
    fmt::print(", levels are means over {} output channels", side.normalized_channels);
  }
  fmt::print("\n");
  TextTable table({{"level"},
                   {"initial"},
                   {"learned"},
                   {"initial / top"},
                   {"learned / top"},
                   {"values"},
                   {"share"}});
  const LevelSummary& top = side.levels.back();
  auto relative = [](double level, double of) {
    return of == 0 ? std::string("-") : fmt::format("{:.3f}", level / of);
  };
  for (std::size_t l = 0; l < side.levels.size(); ++l) {
    const LevelSummary& level = side.levels[l];
    const double share =
        100.0 * static_cast<double>(level.count) / static_cast<double>(side.values);
    table.add_row({std::to_string(l), fmt::format("{:.4f}", level.initial),
                   fmt::format("{:.4f}", level.learned), relative(level.initial, top.initial),
                   relative(level.learned, top.learned), with_separators(level.count),
                   fmt::format("{:.1f} %", share)});
  }
  fmt::print("{}\n", table.str());
}

void print_text(const LayerStatistics& statistics, const Checkpoint& checkpoint,
                const fs::path& path, const std::string& machine) {
  fmt::print("checkpoint {} ({}), {}\n", path.string(),
             describe_network(checkpoint.recipe.model, model_options(checkpoint)),
             describe_epoch(checkpoint));
  fmt::print("layer {} ({})", statistics.layer, statistics.operation);
  if (statistics.channel) fmt::print(", weights of output channel {}", *statistics.channel);
  fmt::print("; activations of {} test images\n", statistics.images);
  fmt::print("computed on {}\n\n", machine);
  print_levels(statistics.weights, "weights");
  print_levels(statistics.activations, "activations");
}

std::string subtitle_of(const Checkpoint& checkpoint, const LayerStatistics& statistics) {
  const TrainingState& state = checkpoint.state;
  std::string trained = counted(state.epochs_done, "epoch");
  if (state.steps_done > 0) trained += " and " + counted(state.steps_done, "step");
  return fmt::format("{} trained on {} for {}; activations of {} test images",
                     checkpoint.recipe.model, checkpoint.recipe.dataset, trained,
                     statistics.images);
}

void check_layer(Module& model, const Shape& input, const std::string& layer) {
  if (layer.empty()) return;
  const std::string message = known_name(layer_paths(model, input))(layer);
  if (!message.empty()) throw CLI::ValidationError("--layer", message);
}

void run(const StatsCommand& command) {
  LayerStatisticsOptions statistics_options = command.options;
  statistics_options.device = apply(command.compute);
  const std::string machine = describe_training(statistics_options.device);
  const TrainedNetwork network = load_network(command.checkpoint);
  check_output(command.out, network.path);
  const Checkpoint& checkpoint = network.checkpoint;
  const ModelOptions options = model_options(checkpoint);
  check_layer(*network.model, options.input, command.options.layer);
  if (!checkpoint.began_with.empty()) {
    warn(
        fmt::format("{}: the run began with the values of {}; what is shown as initial is what its "
                    "seed makes",
                    network.path.string(), checkpoint.began_with));
  }
  const std::unique_ptr<Module> initial = make_model(checkpoint.recipe.model, options);
  initial->initialize(checkpoint.recipe.seed);
  constexpr std::int64_t batch = 32;
  const std::shared_ptr<const Dataset> images = test_images(network, command.data);
  Loader loader =
      test_loader(network, images,
                  {.batch = batch, .threads = loader_threads(command.loader_threads, *images)});
  const LayerStatistics statistics = [&] {
    const SkippedWarningScope skipped(loader);
    return layer_statistics(*network.model, *initial, options.input, loader, statistics_options);
  }();

  if (command.json) {
    print_json(statistics, loader.skipped(), checkpoint, network.path, machine);
  } else {
    print_text(statistics, checkpoint, network.path, machine);
  }
  if (command.out.empty()) return;
  // Last: a figure that cannot be written must not take the numbers with it.
  const std::string figure = draw_layer_figure(statistics, subtitle_of(checkpoint, statistics));
  write_file_atomically(command.out, as_bytes(figure));
  print_diagnostic("wrote {}\n", command.out.string());
}

}  // namespace

void add_stats_command(CLI::App& app) {
  auto command = std::make_shared<StatsCommand>();
  LayerStatisticsOptions& options = command->options;
  CLI::App* stats = app.add_subcommand(
      "stats",
      "Show the weights and activations of a layer before and after quantization.\n"
      "Prints a table of the layer's levels before training and now, and draws Figure I of the\n"
      "paper's supplement: histograms of the values and of what they are quantized to.");
  add_checkpoint_option(*stats, command->checkpoint)->required();
  stats
      ->add_option("--layer", options.layer,
                   "Layer, by its path in lqnet info (default: the middle quantized one)")
      ->type_name("PATH");
  add_option(*stats, {"--out", "FILE", "Write the figure to this SVG file", some_path()},
             command->out);
  add_option(*stats,
             {"--channel", "N",
              "Weights of this output channel only (default: all channels, each\n"
              "divided by the top level of its own)",
              whole_number(0)},
             options.channel);
  add_option(*stats,
             {"--images", "N", "Test images whose activations are counted", whole_number(1)},
             options.images)
      ->capture_default_str();
  add_option(*stats,
             {"--bins", "N", "Bins of the floating-point histograms", whole_number(1, 10000)},
             options.bins)
      ->capture_default_str();
  add_data_option(*stats, command->data);
  stats->add_flag("--json", command->json, "Print all numbers of the figure as JSON");
  add_options(*stats, command->compute);
  add_loader_threads_option(*stats, command->loader_threads);
  stats->callback([command] { run(*command); });
}

}  // namespace lq::apps
