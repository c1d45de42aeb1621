#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/commands.h"
#include "apps/descriptions.h"
#include "apps/json_report.h"
#include "apps/option_spec.h"
#include "apps/text_table.h"
#include "data/dataset_registry.h"
#include "models/model.h"
#include "train/recipe.h"

namespace lq::apps {

namespace {

using nlohmann::ordered_json;

struct RecipesCommand {
  std::string recipe;  ///< empty: all that there is
  bool json = false;
};

ordered_json recipe_as_json(const std::string& name) {
  return ordered_json::parse(to_json(find_recipe(name)));
}

ordered_json model_json(const ModelInfo& model) {
  ordered_json variants = ordered_json::array();
  for (const ModelVariant& variant : model.variants) {
    variants.push_back({{"name", variant.name}, {"description", variant.description}});
  }
  return {{"name", model.name},
          {"description", model.description},
          {"input", shape_json(model.input)},
          {"classes", model.classes},
          {"variants", std::move(variants)}};
}

TextTable model_table() {
  using Align = TextTable::Align;
  TextTable table({{"model", Align::left},
                   {"variant", Align::left},
                   {"input", Align::left},
                   {"classes"},
                   {"what it is", Align::left}});
  for (const ModelInfo& model : models()) {
    table.add_row({std::string(model.name), "", model.input.to_string(),
                   std::to_string(model.classes), std::string(model.description)});
    for (const ModelVariant& variant : model.variants) {
      table.add_row({"", std::string(variant.name), "", "", std::string(variant.description)});
    }
  }
  return table;
}

void print_json() {
  ordered_json report{{"recipes", ordered_json::array()},
                      {"models", ordered_json::array()},
                      {"datasets", ordered_json::array()},
                      {"quantizers", quantizer_kinds()}};
  for (const std::string& name : recipe_names()) {
    ordered_json recipe = recipe_as_json(name);
    recipe["published"] = published_json(published_accuracy(find_recipe(name)));
    report["recipes"].push_back(std::move(recipe));
  }
  for (const ModelInfo& model : models()) report["models"].push_back(model_json(model));
  for (const DatasetInfo& info : datasets()) {
    report["datasets"].push_back({{"name", info.name},
                                  {"description", info.description},
                                  {"default_folder", info.default_folder}});
  }
  print_report(report);
}

void print_text() {
  using Align = TextTable::Align;
  TextTable recipes({{"recipe", Align::left},
                     {"model", Align::left},
                     {"W/A"},
                     {"data set", Align::left},
                     {"epochs"},
                     {"batch"},
                     {"lr"},
                     {"paper"},
                     {"what it is", Align::left}});
  for (const std::string& name : recipe_names()) {
    const Recipe& recipe = find_recipe(name);
    recipes.add_row({recipe.name, recipe.model, fmt::format("{}/{}", recipe.w_bits, recipe.a_bits),
                     recipe.dataset, std::to_string(recipe.epochs), std::to_string(recipe.batch),
                     fmt::format("{}", recipe.schedule.base_rate),
                     published_text(published_accuracy(recipe)), recipe.summary});
  }
  TextTable sets({{"data set", Align::left}, {"what it is", Align::left}});
  for (const DatasetInfo& info : datasets()) {
    sets.add_row({std::string(info.name), std::string(info.description)});
  }
  fmt::print("{}\npaper: top-1 or top-1/top-5 accuracy in % that the paper reports\n\n{}\n{}\n",
             recipes.str(), model_table().str(), sets.str());
  fmt::print("quantizers  {}\n", fmt::join(quantizer_kinds(), ", "));
}

void run(const RecipesCommand& command) {
  if (!command.recipe.empty()) {
    print_report(recipe_as_json(command.recipe));
  } else if (command.json) {
    print_json();
  } else {
    print_text();
  }
}

}  // namespace

void add_recipes_command(CLI::App& app) {
  auto command = std::make_shared<RecipesCommand>();
  CLI::App* recipes = app.add_subcommand(
      "recipes",
      "List recipes, models, data sets and quantizers.\n"
      "With the name of a recipe, print it as JSON: a file to change, for lqnet train --recipe.");
  add_option(*recipes,
             {"NAME", "", list_names("Recipe", recipe_names()), known_name(recipe_names())},
             command->recipe);
  recipes->add_flag("--json", command->json, "Print everything about them as JSON");
  recipes->callback([command] { run(*command); });
}

}  // namespace lq::apps
