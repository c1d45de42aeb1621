#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/commands.h"
#include "apps/text_table.h"
#include "data/dataset_registry.h"
#include "models/model.h"
#include "train/recipe.h"

namespace lq::apps {

namespace {

using nlohmann::ordered_json;

void print_json() {
  ordered_json report{{"recipes", ordered_json::array()},
                      {"models", model_names()},
                      {"datasets", ordered_json::array()},
                      {"quantizers", quantizer_kinds()}};
  for (const std::string& name : recipe_names()) {
    report["recipes"].push_back(ordered_json::parse(to_json(find_recipe(name))));
  }
  for (const DatasetInfo& info : datasets()) {
    report["datasets"].push_back({{"name", info.name},
                                  {"description", info.description},
                                  {"default_folder", info.default_folder}});
  }
  fmt::print("{}\n", report.dump(2));
}

void print_text() {
  using Align = TextTable::Align;
  TextTable recipes({{"recipe", Align::left},
                     {"model", Align::left},
                     {"data set", Align::left},
                     {"epochs"},
                     {"batch"},
                     {"lr"},
                     {"what it is", Align::left}});
  for (const std::string& name : recipe_names()) {
    const Recipe& recipe = find_recipe(name);
    recipes.add_row({recipe.name, recipe.model, recipe.dataset, std::to_string(recipe.epochs),
                     std::to_string(recipe.batch), fmt::format("{}", recipe.schedule.base_rate),
                     recipe.summary});
  }
  TextTable sets({{"data set", Align::left}, {"what it is", Align::left}});
  for (const DatasetInfo& info : datasets()) {
    sets.add_row({std::string(info.name), std::string(info.description)});
  }
  fmt::print("{}\n{}\n", recipes.str(), sets.str());
  fmt::print("models      {}\n", fmt::join(model_names(), ", "));
  fmt::print("quantizers  {}\n", fmt::join(quantizer_kinds(), ", "));
}

}  // namespace

void add_recipes_command(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* recipes =
      app.add_subcommand("recipes", "List recipes, models, data sets and quantizers.");
  recipes->add_flag("--json", *json, "Print everything about them as JSON");
  recipes->callback([json] { *json ? print_json() : print_text(); });
}

}  // namespace lq::apps
