// A network that is described on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "models/model.h"

namespace lq::apps {

struct NetworkOptions {
  std::string model;  ///< empty until the user names one
  ModelOptions network;
  std::string input = "32x32x3";

  /// The options with `input` parsed into them. Throws Error for text that is not HxWxC.
  ModelOptions parsed() const;
};

/// --model, --w-bits, --a-bits, --quantizer, --classes and --input; returns the one for --model.
CLI::Option* add_options(CLI::App& command, NetworkOptions& options);

}  // namespace lq::apps
