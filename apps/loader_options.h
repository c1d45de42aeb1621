// The threads that prepare images for commands.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "data/dataset.h"

namespace lq::apps {

/// --loader-threads; absent: default_loader_threads().
CLI::Option* add_loader_threads_option(CLI::App& command, std::optional<int>& threads);

/// One per core for image files, which take milliseconds each. Images that lie in memory take
/// microseconds: `in_memory` threads do.
int default_loader_threads(const Dataset& images, int in_memory);

}  // namespace lq::apps
