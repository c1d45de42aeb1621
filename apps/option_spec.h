// Options that say what they are and refuse values that cannot be meant.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace lq::apps {

/// What an option tells the user, and which values it takes. A value that `check` refuses makes a
/// wrong command line, with a message that begins with the option's name.
struct OptionSpec {
  const char* name;  ///< "--batch"
  const char* type;  ///< "N", as help texts show it
  std::string description;
  CLI::Validator check = {};
  const char* group = "Options";
};

/// Gives `option` what the specification says beyond name and description.
CLI::Option* configure(CLI::Option* option, const OptionSpec& spec);

/// Adds the option, whose value goes to `field`.
template <typename T>
CLI::Option* add_option(CLI::App& command, const OptionSpec& spec, T& field) {
  return configure(command.add_option(spec.name, field, spec.description), spec);
}

/// "Network: resnet20, resnet32, ..." on as many lines as it takes.
std::string list_names(std::string_view what, const std::vector<std::string>& names);

/// Decimal digits that make a number in [least, most].
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most = 1'000'000'000);

/// Finite numbers above 0, and not below 0.
CLI::Validator positive_number();
CLI::Validator non_negative_number();

/// Any path but the empty one, which would stand for the default.
CLI::Validator some_path();

/// One of the names; others are refused with the nearest one as a suggestion.
CLI::Validator known_name(std::vector<std::string> known);

/// What `parse` takes without an Error, whose message is shown otherwise.
template <typename Parse>
CLI::Validator parsed_by(Parse parse) {
  return {[parse](std::string& text) {
            try {
              parse(text);
              return std::string();
            } catch (const Error& error) {
              return std::string(error.what());
            }
          },
          ""};
}

/// Runs `action`. What it refuses with an Error is a wrong command line, by the fault of `option`.
template <typename Action>
void as_usage_error(const std::string& option, Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const Error& error) {
    throw CLI::ValidationError(option, error.what());
  }
}

}  // namespace lq::apps
