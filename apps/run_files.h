// What a training run left, as commands take it from the user.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
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

/// Shows a warning on the terminal, unless it is empty.
void warn(std::string_view warning);

/// Tells on the terminal how many images were left out, if any were, and names them; `part` as in
/// describe().
void warn_of_skipped(const SkippedImages& skipped, std::string_view part);

/// Such images, normalized as in the network's training.
Loader test_loader(const TrainedNetwork& network, std::shared_ptr<const Dataset> images,
                   const LoaderOptions& options);

}  // namespace lq::apps
