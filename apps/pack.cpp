#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/agreement.h"
#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/descriptions.h"
#include "apps/json_report.h"
#include "apps/loader_options.h"
#include "apps/option_spec.h"
#include "apps/run_files.h"
#include "apps/text_table.h"
#include "convert/cost_table.h"
#include "convert/pack.h"
#include "core/io/file.h"
#include "core/io/progress.h"
#include "core/threads.h"
#include "deploy/packed_file.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

struct PackCommand {
  fs::path checkpoint;
  fs::path data;
  fs::path out;
  std::string int8_grid = "automatic";
  bool verify = false;
  std::optional<int> loader_threads;
  ComputeOptions compute;
  bool json = false;
};

constexpr std::array<std::pair<std::string_view, convert::Int8Grid>, 3> grids = {
    {{"automatic", convert::Int8Grid::automatic},
     {"never", convert::Int8Grid::never},
     {"always", convert::Int8Grid::always}}};

convert::Int8Grid grid_of(std::string_view name) {
  for (const auto& [known, grid] : grids) {
    if (known == name) return grid;
  }
  fail("int8 grid '{}', expected automatic, never or always", name);
}

/// The images of the data set where nobody asked to compare with them, but they are of use: for
/// what `without` says that there is not without them. Null, with a warning, where they are not
/// where the system keeps them.
std::shared_ptr<const Dataset> useful_images(const TrainedNetwork& network,
                                             const PackCommand& command, std::string_view without) {
  try {
    return test_images(network, command.data);
  } catch (const Error& error) {
    if (!command.data.empty()) throw;
    warn(fmt::format("{}: {}", without, error.what()));
    return nullptr;
  }
}

deploy::Preprocessing preprocessing_of(const Checkpoint& checkpoint) {
  const auto mean = std::as_const(checkpoint.normalization.mean).span<float>();
  deploy::Preprocessing preprocessing{.mean = {mean.begin(), mean.end()},
                                      .scale = checkpoint.normalization.scale()};
  if (checkpoint.normalization.divisor.size() == 1) preprocessing.scale.resize(1);
  const AugmentationOptions& augmentation = checkpoint.recipe.augmentation;
  if (augmentation.kind == AugmentationKind::pad_crop) {
    preprocessing.pads_small_images = checkpoint.recipe.dataset_options.padded_size > 0;
    return preprocessing;
  }
  preprocessing.shorter_side = augmentation.resize.shorter_side;
  preprocessing.resampling = augmentation.resize.interpolation == Interpolation::bicubic
                                 ? deploy::Resampling::bicubic
                                 : deploy::Resampling::bicubic_opencv;
  preprocessing.bgr = augmentation.resize.order == ChannelOrder::bgr;
  return preprocessing;
}

convert::PackWithPlaces pack_network(const TrainedNetwork& network, std::string_view int8_grid) {
  const Checkpoint& checkpoint = network.checkpoint;
  convert::PackWithPlaces packed = within_file(network.path, [&] {
    return convert::pack_with_places(
        *network.model, input_shape(checkpoint),
        {.name = checkpoint.recipe.model,
         .variant = variant_of(checkpoint.recipe.model, model_options(checkpoint)),
         .int8_grid = grid_of(int8_grid)});
  });
  packed.model.preprocessing = preprocessing_of(checkpoint);
  packed.model.class_names = checkpoint.class_names;
  return packed;
}

/// The images to compare with, or to take names of classes from; null where there are none.
std::shared_ptr<const Dataset> images_for(const TrainedNetwork& network,
                                          const convert::PackWithPlaces& packed,
                                          const PackCommand& command) {
  // Snapping bases changes the network: what it costs is never left untold.
  if (!packed.levels_are_exact) {
    return useful_images(network, command,
                         "bases were snapped to integers, and what that changes was not measured");
  }
  if (packed.model.class_names.empty()) {
    return useful_images(network, command, "the checkpoint keeps no names of its classes");
  }
  if (!command.data.empty()) warn("--data: nothing is compared without --verify");
  return nullptr;
}

double percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

Agreement verify(const TrainedNetwork& trained, const convert::PackWithPlaces& packed,
                 const std::shared_ptr<const Dataset>& images, std::optional<int> asked_threads) {
  constexpr std::int64_t batch = 64;
  deploy::PackedNetwork network(packed.model, {.max_batch = batch, .threads = num_threads()});
  Loader loader = test_loader(trained, images,
                              {.batch = batch, .threads = loader_threads(asked_threads, *images)});
  Module& model = *trained.model;
  std::optional<RoundingReplay> replay;
  if (packed.levels_are_exact) replay.emplace(model, packed.model, packed.quantizers);
  const SkippedWarningScope skipped(loader);
  Progress progress;
  ProgressState state{.label = "comparison", .steps = loader.batches(), .bar_only = true};
  const auto on_batch = [&](const Agreement& sums) {
    ++state.step;
    state.accuracy = percent(sums.packed_correct, sums.images) / 100;
    progress.update(state);
  };
  return compare(model, network, loader, replay ? &*replay : nullptr, on_batch);
}

struct PackReport {
  fs::path out;
  bool is_written = false;
  std::int64_t file_bytes = 0;
  std::int64_t fp32_bytes = 0;
  std::optional<Agreement> agreement;
};

void print_json(const PackReport& report, const Checkpoint& checkpoint) {
  nlohmann::ordered_json json{{"out", report.out.string()}, {"written", report.is_written}};
  json.update(network_json(checkpoint.recipe.model, model_options(checkpoint)));
  json["file_bytes"] = report.file_bytes;
  json["fp32_bytes"] = report.fp32_bytes;
  if (report.agreement) {
    const Agreement& agreement = *report.agreement;
    json["agreement"] = {
        {"images", agreement.images},
        {"skipped_images", agreement.skipped_images},
        {"agreeing", agreement.agreeing()},
        {"float_accuracy", percent(agreement.float_correct, agreement.images) / 100},
        {"packed_accuracy", percent(agreement.packed_correct, agreement.images) / 100},
        {"ties", nullptr},
        {"unexplained", nullptr},
        {"largest_margin", agreement.largest_margin},
        {"largest_difference", agreement.largest_difference}};
    if (agreement.is_explained) {
      json["agreement"]["ties"] = agreement.ties;
      json["agreement"]["unexplained"] = agreement.unexplained();
    }
  }
  print_report(json);
}

void print_differences(const Agreement& agreement) {
  if (agreement.different == 0) return;
  fmt::print("            in the others the two best scores are at most {:.3g} apart\n",
             agreement.largest_margin);
  if (agreement.is_explained) {
    fmt::print("            {} of them are ties within float rounding, {} are unexplained\n",
               agreement.ties, agreement.unexplained());
  } else {
    fmt::print("            not analysed: bases that are snapped to integers change values\n");
  }
}

void print_text(const PackReport& report, const Checkpoint& checkpoint) {
  fmt::print("network     {}\n",
             describe_network(checkpoint.recipe.model, model_options(checkpoint)));
  fmt::print("packed      {} ({}, 1/{:.1f} of the {} in fp32)\n",
             report.is_written ? report.out.string() : "not written",
             readable_bytes(report.file_bytes),
             static_cast<double>(report.fp32_bytes) / static_cast<double>(report.file_bytes),
             readable_bytes(report.fp32_bytes));
  if (!report.agreement) return;
  const Agreement& agreement = *report.agreement;
  fmt::print("accuracy    {:.2f} % packed, {:.2f} % before ({} test images)\n",
             percent(agreement.packed_correct, agreement.images),
             percent(agreement.float_correct, agreement.images), agreement.images);
  fmt::print("agreement   {} of {} images have the same first class\n", agreement.agreeing(),
             agreement.images);
  print_differences(agreement);
}

void run(const PackCommand& command) {
  apply(command.compute);
  const TrainedNetwork network = load_network(command.checkpoint);
  const Checkpoint& checkpoint = network.checkpoint;
  PackReport report{.out = command.out.empty() ? fs::path(network.path).replace_extension(".lqn")
                                               : command.out};
  check_output(report.out, network.path);
  // What cannot be compared with, or written, is found before anything else is done.
  std::shared_ptr<const Dataset> images;
  if (command.verify) images = test_images(network, command.data);
  static_cast<void>(AtomicFile(report.out));
  convert::PackWithPlaces packed = pack_network(network, command.int8_grid);
  if (images == nullptr) images = images_for(network, packed, command);
  if (packed.model.class_names.empty() && images != nullptr) {
    packed.model.class_names = class_names(*images);
  }
  const std::vector<std::byte> content =
      within_file(report.out, [&] { return deploy::packed_model_bytes(packed.model); });
  report.file_bytes = std::ssize(content);
  report.fp32_bytes =
      convert::cost_table(*network.model, input_shape(checkpoint)).totals.fp32_bytes;
  if (images != nullptr && (command.verify || !packed.levels_are_exact)) {
    // What will be written is what is verified, before it replaces another file.
    packed.model = deploy::parse_packed_model(content);
    report.agreement = verify(network, packed, images, command.loader_threads);
  }
  const std::int64_t unexplained = report.agreement ? report.agreement->unexplained() : 0;
  report.is_written = unexplained == 0;
  if (report.is_written) write_file_atomically(report.out, content);
  if (command.json) {
    print_json(report, checkpoint);
  } else {
    print_text(report, checkpoint);
  }
  check(unexplained == 0,
        "{}: not written: the first class of {} images differs by more than float rounding",
        report.out.string(), unexplained);
}

}  // namespace

void add_pack_command(CLI::App& app) {
  auto command = std::make_shared<PackCommand>();
  CLI::App* pack = app.add_subcommand(
      "pack", "Turn a trained network into a small file that runs on bit operations.");
  add_checkpoint_option(*pack, command->checkpoint)->required();
  add_option(*pack,
             {"--out", "FILE", "File to write (default: the checkpoint's, with .lqn)", some_path()},
             command->out);
  add_option(*pack,
             {"--int8-grid", "WHEN",
              "Snap bases to integers, so that int8 products replace popcounts: automatic (for\n"
              "more than 5 pairs of bit-planes, where they are faster, and for inputs without a\n"
              "code for zero, as xnor gives them), never (those are computed as floats)\n"
              "or always",
              parsed_by(grid_of)},
             command->int8_grid)
      ->capture_default_str();
  pack->add_flag("--verify", command->verify,
                 "Compare the packed network with the trained one on all test images; done anyway\n"
                 "where bases are snapped");
  add_data_option(*pack, command->data);
  pack->add_flag("--json", command->json, "Print the result as JSON");
  add_threads_option(*pack, command->compute);
  add_loader_threads_option(*pack, command->loader_threads);
  pack->callback([command] { run(*command); });
}

}  // namespace lq::apps
