#include "apps/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <ranges>
#include <system_error>
#include <utility>

#include "apps/option_spec.h"
#include "core/error.h"
#include "core/io/diagnostics.h"
#include "core/io/file.h"
#include "data/dataset_registry.h"
#include "train/augment.h"
#include "train/recipe.h"
#include "train/trainer.h"

namespace lq::apps {

namespace fs = std::filesystem;

fs::path checkpoint_path(const fs::path& given) {
  if (!fs::is_directory(status_of(given))) return given;
  for (const char* name : {best_checkpoint_file, last_checkpoint_file}) {
    if (fs::exists(status_of(given / name))) return given / name;
  }
  fail("{}: the folder holds no run (neither {} nor {})", given.string(), best_checkpoint_file,
       last_checkpoint_file);
}

TrainedNetwork load_network(const fs::path& given) {
  const fs::path path = checkpoint_path(given);
  Checkpoint checkpoint = load_checkpoint(path);
  std::unique_ptr<Module> model = within_file(path, [&] { return restore_model(checkpoint); });
  return {.path = path, .checkpoint = std::move(checkpoint), .model = std::move(model)};
}

void check_output(const fs::path& out, const fs::path& checkpoint) {
  const fs::path folder = checkpoint.parent_path();
  for (const fs::path& kept :
       {checkpoint, folder / best_checkpoint_file, folder / last_checkpoint_file,
        folder / metrics_file, folder / skipped_images_file}) {
    std::error_code one_is_missing;
    if (!fs::equivalent(out, kept, one_is_missing)) continue;
    throw CLI::ValidationError(
        "--out", fmt::format("{} would replace {}, a file of the run that is read", out.string(),
                             kept.filename().string()));
  }
}

CLI::Option* add_checkpoint_option(CLI::App& command, fs::path& checkpoint) {
  return add_option(
      command,
      {"--checkpoint", "PATH",
       "Folder of a run, which stands for its best checkpoint (that with the highest\n"
       "test accuracy), or a checkpoint file, such as last.safetensors in that folder",
       some_path()},
      checkpoint);
}

CLI::Option* add_data_option(CLI::App& command, fs::path& folder) {
  return add_option(
      command,
      {"--data", "FOLDER", "Folder of the data set's files (default: where the system keeps them)",
       some_path()},
      folder);
}

std::shared_ptr<const Dataset> test_images(const TrainedNetwork& network,
                                           const fs::path& data_folder) {
  const Checkpoint& checkpoint = network.checkpoint;
  const std::string& name = checkpoint.recipe.dataset;
  within_file(network.path, [&] { dataset_info(name); });
  const DatasetSplits data = open_dataset(checkpoint.recipe, data_folder);
  warn(data.warning);
  check_classes(*data.test, name, network.path,
                {.count = checkpoint.classes, .names = checkpoint.class_names});
  return data.test;
}

void check_classes(const Dataset& images, std::string_view dataset, const fs::path& network,
                   const NetworkClasses& classes) {
  const std::vector<std::string> names = class_names(images);
  check(std::ssize(names) == classes.count,
        "{}: the network has {} classes, but data set {} has {}", network.string(), classes.count,
        dataset, names.size());
  if (classes.names.empty()) return;
  const auto [known, found] = std::ranges::mismatch(classes.names, names);
  if (known == classes.names.end()) return;
  warn(
      fmt::format("{}: class {} of the network is {:?}, that of data set {} is {:?}: accuracy "
                  "compares classes by their place",
                  network.string(), known - classes.names.begin(), *known, dataset, *found));
}

void warn(std::string_view warning) {
  if (!warning.empty()) print_diagnostic("{}\n", warning_text(warning));
}

void warn_of_skipped(const SkippedImages& skipped, std::string_view part,
                     std::string_view outcome) {
  if (skipped.count == 0) return;
  warn(describe(skipped, part, outcome));
  for (const SkippedImage& one : skipped.named | std::views::drop(SkippedImages::most_described)) {
    warn(fmt::format("{} as well: {}", outcome, one.message));
  }
}

SkippedWarningScope::~SkippedWarningScope() {
  try {
    warn_of_skipped(loader_.skipped(), "test");
  } catch (const std::exception&) {  // an error that is on its way tells more
  }
}

Loader test_loader(const TrainedNetwork& network, std::shared_ptr<const Dataset> images,
                   const LoaderOptions& options) {
  return Loader(std::move(images),
                test_transform(network.checkpoint.recipe, network.checkpoint.normalization),
                options);
}

}  // namespace lq::apps
