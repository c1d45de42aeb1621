// What a training run left, as commands take it from the user.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

#include "data/loader.h"
#include "train/checkpoint.h"

namespace lq::apps {

/// A path that the user gave: a checkpoint itself, or the folder of a run, which stands for its
/// best checkpoint (the last one where there is no best one yet). Throws Error when there is none.
std::filesystem::path checkpoint_path(const std::filesystem::path& given);

/// --checkpoint: what checkpoint_path() takes.
CLI::Option* add_checkpoint_option(CLI::App& command, std::filesystem::path& checkpoint);

/// --data: the folder of a data set.
CLI::Option* add_data_option(CLI::App& command, std::filesystem::path& folder);

/// The test images of the checkpoint's data set, normalized as in its training. Throws Error for
/// missing or damaged files and for data of other classes.
Loader test_loader(const Checkpoint& checkpoint, const std::filesystem::path& data_folder,
                   const LoaderOptions& options);

}  // namespace lq::apps
