// What a training run left, as commands take it from the user.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "data/dataset.h"
#include "data/loader.h"
#include "layers/module.h"
#include "train/checkpoint.h"

namespace lq::apps {

/// A path that the user gave: a checkpoint itself, or the folder of a run, which stands for its
/// best checkpoint (the last one where there is no best one yet). Throws Error when there is none.
std::filesystem::path checkpoint_path(const std::filesystem::path& given);

/// A trained network, and the checkpoint that it was read from.
struct TrainedNetwork {
  std::filesystem::path path;
  Checkpoint checkpoint;
  std::unique_ptr<Module> model;
};

/// The network of checkpoint_path(given). Throws Error "<path>: ..." for a file that is no
/// checkpoint, or whose parts do not fit each other.
TrainedNetwork load_network(const std::filesystem::path& given);

/// Refuses to write --out where that would replace the checkpoint that is read, or another file of
/// its run.
void check_output(const std::filesystem::path& out, const std::filesystem::path& checkpoint);

/// --checkpoint: what checkpoint_path() takes.
CLI::Option* add_checkpoint_option(CLI::App& command, std::filesystem::path& checkpoint);

/// --data: the folder of a data set.
CLI::Option* add_data_option(CLI::App& command, std::filesystem::path& folder);

/// The test images of the data set that the network was trained on. Throws Error for missing or
/// damaged files and for data of other classes.
std::shared_ptr<const Dataset> test_images(const TrainedNetwork& network,
                                           const std::filesystem::path& data_folder);

/// Classes that a network has been trained for.
struct NetworkClasses {
  std::int64_t count = 0;
  std::span<const std::string> names;  ///< empty where they are not known
};

/// Throws Error for images of another number of classes; warns of classes of other names, since
/// accuracy compares indices. `dataset` and `network` are what messages call them.
void check_classes(const Dataset& images, std::string_view dataset,
                   const std::filesystem::path& network, const NetworkClasses& classes);

/// Shows a warning on the terminal, unless it is empty.
void warn(std::string_view warning);

/// Tells on the terminal how many images were left out, if any were, and names them; `part` as in
/// describe(), as is `outcome`.
void warn_of_skipped(const SkippedImages& skipped, std::string_view part,
                     std::string_view outcome = "left out");

/// Does so for the test images of a loader, which must outlive it, at the end of its scope: also
/// where an error ends what takes them, since they may be the reason.
class SkippedWarningScope {
 public:
  explicit SkippedWarningScope(const Loader& loader) : loader_(loader) {}
  ~SkippedWarningScope();
  SkippedWarningScope(const SkippedWarningScope&) = delete;
  SkippedWarningScope& operator=(const SkippedWarningScope&) = delete;

 private:
  const Loader& loader_;
};

/// Such images, normalized as in the network's training.
Loader test_loader(const TrainedNetwork& network, std::shared_ptr<const Dataset> images,
                   const LoaderOptions& options);

}  // namespace lq::apps
