// The threads that prepare images for commands.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "data/dataset.h"

namespace lq::apps {

/// --loader-threads, for loader_threads().
CLI::Option* add_loader_threads_option(CLI::App& command, std::optional<int>& threads);

/// What was asked for, or else one per core for image files, which take milliseconds each. Images
/// that lie in memory take microseconds: `in_memory` threads do.
int loader_threads(std::optional<int> asked, const Dataset& images, int in_memory = 1);

}  // namespace lq::apps
