// A network that is described on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "apps/option_spec.h"
#include "models/model.h"

namespace lq::apps {

/// --model, --variant, --w-bits, --a-bits and --quantizer, for every command that takes a network.
OptionSpec model_spec();
OptionSpec variant_spec();
OptionSpec weight_bits_spec();
OptionSpec activation_bits_spec();
OptionSpec quantizer_spec();

/// Of --bit-forward, for commands that train.
inline constexpr const char* bit_forward_description =
    "Run quantized convolutions forward on codes, with 1 to 4 bits: less memory, and\n"
    "each layer's results are equal but for float rounding";

struct NetworkOptions {
  std::string model;  ///< empty until the user names one
  ModelOptions network;
  std::optional<std::int64_t> classes;  ///< without it and the input: the model's own
  std::optional<std::string> input;

  /// The options with classes and input in them. Throws CLI::ValidationError, naming the option,
  /// when they make no network together.
  ModelOptions parsed() const;
};

/// The options of a network are for one without a file: `other` names a file, which says itself
/// what network it holds. Throws CLI::ExcludesError for one that was given.
void refuse_network_options(const CLI::App& command, const CLI::Option& other);

/// The five options above, --classes and --input; returns the one for --model.
CLI::Option* add_options(CLI::App& command, NetworkOptions& options);

}  // namespace lq::apps
