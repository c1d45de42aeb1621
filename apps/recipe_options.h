// A recipe that is chosen, and changed, on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "train/recipe.h"

namespace lq::apps {

/// An option that was given in place of a value of the recipe.
struct RecipeReplacement {
  std::string option;  ///< "--batch"
  std::function<void(Recipe&)> apply;
};

struct RecipeOptions {
  std::optional<std::string> recipe;  ///< a built-in recipe's name, or a file
  std::vector<RecipeReplacement> replacements;
};

/// Whether the user gave this option in place of a value of the recipe.
bool is_given(const RecipeOptions& options, std::string_view option);

/// --recipe, and one option for each value that is often replaced. `options` must outlive
/// `command`.
void add_options(CLI::App& command, RecipeOptions& options);

/// The recipe to begin a run with: the one that the user names, or else the first built-in one,
/// with its values replaced. A recipe of the user's own that was changed says so in its name, since
/// nobody could compare them later. Throws CLI::ValidationError for replacements that do not fit
/// the rest, Error for a file that holds no recipe.
Recipe requested_recipe(const RecipeOptions& options);

/// The folder of the run of requested_recipe() when the user names none: runs/<recipe>-w<N>a<N>,
/// with the model, the quantizer and the data set in between where they were replaced.
std::filesystem::path default_run_folder(const RecipeOptions& options);

/// The recipe to go on with for the run in `folder`, which began with `stored`: that one, with more
/// epochs if the user asks for them. Throws CLI::ValidationError for an option that contradicts it;
/// --recipe only has to name the recipe that the run began with. A line on standard error tells
/// when that recipe has other values.
Recipe resumed_recipe(const RecipeOptions& options, const Recipe& stored,
                      const std::filesystem::path& folder);

}  // namespace lq::apps
