#include "apps/recipe_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <system_error>
#include <type_traits>
#include <utility>

#include "apps/network_options.h"
#include "apps/option_spec.h"
#include "apps/suggestion.h"
#include "core/error.h"
#include "core/io/diagnostics.h"
#include "data/dataset_registry.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

constexpr const char* group = "Training";

bool is_built_in(const std::string& recipe) {
  const std::vector<std::string> names = recipe_names();
  return std::ranges::find(names, recipe) != names.end();
}

bool is_file(const std::string& recipe) {
  std::error_code ignored;
  return recipe.ends_with(".json") || fs::exists(recipe, ignored);
}

CLI::Validator recipe_name_or_file() {
  return {[](std::string& recipe) {
            if (is_built_in(recipe) || is_file(recipe)) return std::string();
            return with_suggestion(fmt::format("'{}' is neither a recipe nor a file, expected one "
                                               "of: {}",
                                               recipe, fmt::join(recipe_names(), ", ")),
                                   recipe, recipe_names());
          },
          ""};
}

/// As Trainer does it: what is reported is what is trained.
Recipe mirroring_what_may_be(Recipe recipe) {
  recipe.flip = recipe.flip && dataset_info(recipe.dataset).mirror_symmetric;
  return recipe;
}

/// The recipe as the user names it, before anything is replaced.
Recipe named_recipe(const RecipeOptions& options) {
  const std::string name = options.recipe.value_or(recipe_names().front());
  return is_built_in(name) ? find_recipe(name) : load_recipe(name);
}

std::string name_of_modified(const Recipe& recipe) { return recipe.name + " (modified)"; }

Recipe with_replacements(Recipe recipe, const RecipeOptions& options) {
  for (const RecipeReplacement& replacement : options.replacements) replacement.apply(recipe);
  return mirroring_what_may_be(std::move(recipe));
}

/// Those of the names whose options are given, "--w-bits, --quantizer".
std::string given_of(const RecipeOptions& options, const std::vector<std::string_view>& names) {
  std::vector<std::string_view> given;
  std::ranges::copy_if(names, std::back_inserter(given),
                       [&](std::string_view name) { return is_given(options, name); });
  return fmt::format("{}", fmt::join(given, ", "));
}

/// Adds an option that replaces `field`: a member of Recipe, or a function from the recipe to a
/// reference.
template <typename Field>
void add_replacement(CLI::App& command, RecipeOptions& options, const OptionSpec& spec,
                     Field field) {
  using Value = std::remove_cvref_t<std::invoke_result_t<Field, Recipe&>>;
  const std::function<void(const Value&)> keep = [&options, name = std::string(spec.name),
                                                  field](const Value& value) {
    options.replacements.push_back(
        {name, [field, value](Recipe& recipe) { std::invoke(field, recipe) = value; }});
  };
  configure(command.add_option_function(spec.name, keep, spec.description), spec);
}

void add_network_replacements(CLI::App& command, RecipeOptions& options) {
  add_replacement(command, options, model_spec(), &Recipe::model);
  add_replacement(command, options, variant_spec(), &Recipe::variant);
  add_replacement(command, options, weight_bits_spec(), &Recipe::w_bits);
  add_replacement(command, options, activation_bits_spec(), &Recipe::a_bits);
  add_replacement(command, options, quantizer_spec(), &Recipe::quantizer);
}

void add_training_replacements(CLI::App& command, RecipeOptions& options) {
  const auto add = [&](OptionSpec spec, auto field) {
    spec.group = group;
    add_replacement(command, options, spec, field);
  };
  add({"--dataset", "NAME", list_names("Data set", dataset_names()), known_name(dataset_names())},
      &Recipe::dataset);
  add({"--epochs", "N", "Passes over the training images", whole_number(1, 1 << 24)},
      &Recipe::epochs);
  add({"--batch", "N", "Images per step", whole_number(1)}, &Recipe::batch);
  add({"--accumulate", "N",
       "Parts that a batch is computed in, where it does not fit into memory at once",
       whole_number(1)},
      &Recipe::accumulation);
  add({"--lr", "RATE", "Base learning rate of the schedule", positive_number()},
      [](Recipe& recipe) -> double& { return recipe.schedule.base_rate; });
  add({"--weight-decay", "FACTOR", "L2 on convolution and fully connected weights",
       non_negative_number()},
      &Recipe::weight_decay);
  add({"--seed", "N", "Seed of initial weights, order and augmentation",
       whole_number(0, std::numeric_limits<std::uint64_t>::max())},
      &Recipe::seed);
}

/// Schedules belong to bits: what is asked for may have a recipe of its own.
void announce_better_recipe(const Recipe& named, const Recipe& recipe) {
  if (recipe.w_bits == named.w_bits && recipe.a_bits == named.a_bits) return;
  for (const std::string& name : recipe_names()) {
    const Recipe& other = find_recipe(name);
    if (name == named.name || other.model != recipe.model || other.dataset != recipe.dataset ||
        other.quantizer != recipe.quantizer || other.w_bits != recipe.w_bits ||
        other.a_bits != recipe.a_bits) {
      continue;
    }
    print_diagnostic("{}\n",
                     warning_text(fmt::format("the schedule is that of {}; {} is the recipe "
                                              "for {}/{} bits",
                                              named.name, name, recipe.w_bits, recipe.a_bits)));
  }
}

void check_recipe_name(const RecipeOptions& options, const Recipe& stored, const fs::path& folder) {
  if (!options.recipe) return;
  const Recipe named = named_recipe(options);
  as_usage_error("--recipe", [&] {
    check(stored.name == named.name || stored.name == name_of_modified(named),
          "{} given, but the run in {} is of {}", named.name, folder.string(), stored.name);
  });
}

void check_replacements(const RecipeOptions& options, const Recipe& stored,
                        const fs::path& folder) {
  for (const RecipeReplacement& replacement : options.replacements) {
    Recipe replaced = stored;
    replacement.apply(replaced);
    if (const auto difference = conflict(stored, replaced)) {
      throw CLI::ValidationError(
          replacement.option,
          fmt::format("{} given, but the run in {} has {}{}", difference->second, folder.string(),
                      difference->first,
                      difference->field == "epochs" ? ", which may only grow" : ""));
    }
  }
}

/// Says so where --recipe names a recipe of other values than those of the run.
void announce_own_recipe(const RecipeOptions& options, const Recipe& resumed) {
  if (!options.recipe) return;
  std::vector<std::string> fields;
  for (const RecipeDifference& difference :
       differences(with_replacements(named_recipe(options), options), resumed)) {
    fields.push_back(difference.field);
  }
  if (fields.empty()) return;
  print_diagnostic("going on with the run's own recipe; it differs from {} in {}\n",
                   *options.recipe, fmt::join(fields, ", "));
}

}  // namespace

bool is_given(const RecipeOptions& options, std::string_view option) {
  return std::ranges::find(options.replacements, option, &RecipeReplacement::option) !=
         options.replacements.end();
}

void add_options(CLI::App& command, RecipeOptions& options) {
  add_option(command,
             {"--recipe", "NAME", list_names("Recipe, or a JSON file with one", recipe_names()),
              recipe_name_or_file(), "Recipe"},
             options.recipe)
      ->default_str(recipe_names().front());
  add_network_replacements(command, options);
  add_training_replacements(command, options);
}

Recipe requested_recipe(const RecipeOptions& options) {
  const Recipe named = named_recipe(options);
  Recipe recipe = with_replacements(named, options);
  const bool is_modified = recipe != mirroring_what_may_be(named);
  if (is_modified && !is_built_in(named.name)) recipe.name = name_of_modified(named);
  if (is_built_in(named.name)) announce_better_recipe(named, recipe);
  as_usage_error(given_of(options, {"--model", "--variant", "--a-bits"}), [&] {
    variant_of(recipe.model, {.variant = recipe.variant, .a_bits = recipe.a_bits});
  });
  as_usage_error(given_of(options, {"--w-bits", "--a-bits", "--quantizer"}), [&] {
    validate(Quantization{recipe.quantizer, recipe.w_bits, recipe.a_bits});
  });
  as_usage_error(given_of(options, {"--batch", "--accumulate"}), [&] { validate(recipe); });
  return recipe;
}

fs::path default_run_folder(const RecipeOptions& options) {
  const Recipe named = named_recipe(options);
  const Recipe recipe = with_replacements(named, options);
  std::string name = named.name;
  for (const auto field :
       {&Recipe::model, &Recipe::variant, &Recipe::quantizer, &Recipe::dataset}) {
    if (recipe.*field != named.*field) name += "-" + recipe.*field;
  }
  // Names of ImageNet's recipes end in their bits.
  const std::string bits = fmt::format("-w{}a{}", recipe.w_bits, recipe.a_bits);
  return fs::path("runs") / (name.ends_with(bits) ? name : name + bits);
}

Recipe resumed_recipe(const RecipeOptions& options, const Recipe& stored, const fs::path& folder) {
  check_recipe_name(options, stored, folder);
  check_replacements(options, stored, folder);
  const Recipe resumed = with_replacements(stored, options);
  announce_own_recipe(options, resumed);
  return resumed;
}

}  // namespace lq::apps
