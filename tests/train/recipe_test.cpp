#include "train/recipe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "data/dataset_registry.h"
#include "models/model.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

TEST(RecipeTest, ResNet20OnCifar10IsTheSupplements) {
  const Recipe& recipe = find_recipe("cifar10-resnet20");
  EXPECT_EQ(recipe.model, "resnet20");
  EXPECT_EQ(recipe.dataset, "cifar10");
  EXPECT_EQ(recipe.epochs, 200);
  EXPECT_EQ(recipe.batch, 128);
  EXPECT_EQ(recipe.schedule.base_rate, 0.1);
  EXPECT_EQ(recipe.schedule.decay, (decltype(Schedule::decay)(MultiStepDecay{{82, 123}, 10.0})));
  EXPECT_EQ(recipe.schedule.warmup_epochs, 0.0);
  EXPECT_EQ(recipe.momentum, 0.9);
  EXPECT_FALSE(recipe.nesterov);
  EXPECT_EQ(recipe.weight_decay, 1e-4);
  EXPECT_EQ(recipe.crop_padding, 4);
  EXPECT_TRUE(recipe.flip);
}

TEST(RecipeTest, VggSmallOnCifar10IsTheSupplements) {
  const Recipe& recipe = find_recipe("cifar10-vgg-small");
  EXPECT_EQ(recipe.model, "vgg-small");
  EXPECT_EQ(recipe.dataset, "cifar10");
  EXPECT_EQ(recipe.epochs, 200);
  EXPECT_EQ(recipe.batch, 100);
  EXPECT_EQ(recipe.schedule.base_rate, 0.02);
  EXPECT_EQ(recipe.schedule.decay, (decltype(Schedule::decay)(MultiStepDecay{{80, 160}, 10.0})));
  EXPECT_EQ(recipe.schedule.warmup_epochs, 0.0);
  EXPECT_EQ(recipe.momentum, 0.9);
  EXPECT_FALSE(recipe.nesterov);
  EXPECT_EQ(recipe.weight_decay, 5e-4);
  EXPECT_EQ(recipe.crop_padding, 4);
  EXPECT_TRUE(recipe.flip);
}

TEST(RecipeTest, EveryRecipeIsValidAndNamesWhatExists) {
  ASSERT_EQ(recipe_names().front(), "fashion-mnist-resnet20");
  for (const std::string& name : recipe_names()) {
    const Recipe& recipe = find_recipe(name);
    EXPECT_EQ(recipe.name, name);
    EXPECT_FALSE(recipe.summary.empty());
    EXPECT_NO_THROW(validate(recipe));
    EXPECT_NO_THROW(dataset_info(recipe.dataset));
    EXPECT_EQ(std::ranges::count(model_names(), recipe.model), 1);
  }
}

TEST(RecipeTest, UnknownNameListsTheKnownOnes) {
  EXPECT_TRUE(throws_error([] { find_recipe("cifar11"); },
                           "recipe 'cifar11' is not known; known are fashion-mnist-resnet20, "
                           "cifar10-resnet20, cifar10-vgg-small"));
}

TEST(RecipeTest, ValidateNamesTheField) {
  const auto refuses = [](const std::function<void(Recipe&)>& change, std::string_view message) {
    Recipe recipe;
    change(recipe);
    return throws_error([&] { validate(recipe); }, message);
  };
  EXPECT_TRUE(refuses([](Recipe& r) { r.epochs = 0; }, "recipe: epochs is 0, expected at least 1"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.batch = 0; }, "recipe: batch is 0, expected at least 1"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.crop_padding = -1; },
                      "recipe: crop_padding is -1, expected at least 0"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.momentum = 1.0; },
                      "recipe: momentum is 1, expected at least 0 and less than 1"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.weight_decay = -1e-4; },
                      "recipe: weight_decay is -0.0001, expected at least 0"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.schedule.base_rate = -1.0; },
                      "schedule: base_rate is -1, expected more than 0"));
}

/// A recipe whose every field differs from its default.
Recipe unusual_recipe() {
  Recipe recipe;
  recipe.name = "name \"quoted\"";
  recipe.summary = "summary";
  recipe.model = "vgg-small";
  recipe.w_bits = 3;
  recipe.a_bits = 32;
  recipe.quantizer = "dorefa";
  recipe.dataset = "cifar10";
  recipe.crop_padding = 2;
  recipe.flip = false;
  recipe.mean_source = MeanSource::train_and_test;
  recipe.epochs = 77;
  recipe.batch = 64;
  recipe.schedule = {.base_rate = 0.1 / 3.0,
                     .decay = CosineDecay{.end_rate = 1e-5 / 7.0},
                     .unit = ScheduleUnit::step,
                     .warmup_epochs = 1.0 / 3.0};
  recipe.momentum = 0.7;
  recipe.nesterov = true;
  recipe.weight_decay = 1.0 / 30000.0;
  recipe.seed = 0xFEDCBA9876543210U;
  return recipe;
}

TEST(RecipeTest, JsonKeepsEveryBit) {
  Recipe recipe = unusual_recipe();
  EXPECT_EQ(recipe_from_json(to_json(recipe)), recipe);
  recipe.schedule.decay = PolynomialDecay{.power = 1.0 / 3.0, .end_rate = 0.1};
  EXPECT_EQ(recipe_from_json(to_json(recipe)), recipe);
  recipe.schedule.decay = MultiStepDecay{.boundaries = {}, .divide_by = 3.0};
  EXPECT_EQ(recipe_from_json(to_json(recipe)), recipe);
  for (const std::string& name : recipe_names()) {
    EXPECT_EQ(recipe_from_json(to_json(find_recipe(name))), find_recipe(name));
  }
}

TEST(RecipeTest, JsonThatIsNoRecipeIsRefused) {
  EXPECT_THROW(recipe_from_json("not json"), Error);
  EXPECT_THROW(recipe_from_json("[]"), Error);
  const nlohmann::json whole = nlohmann::json::parse(to_json(find_recipe("cifar10-resnet20")));
  for (const auto& [key, value] : whole.items()) {
    nlohmann::json without = whole;
    without.erase(key);
    EXPECT_THROW(recipe_from_json(without.dump()), Error) << key;
  }
  nlohmann::json other_decay = whole;
  other_decay["schedule"]["decay"]["kind"] = "exponential";
  EXPECT_TRUE(throws_error([&] { recipe_from_json(other_decay.dump()); },
                           "schedule: decay of kind \"exponential\" is not known"));
}

TEST(RecipeTest, ConflictNamesTheFirstFieldThatMatters) {
  const Recipe stored = find_recipe("cifar10-resnet20");
  const auto conflict_with = [&](const std::function<void(Recipe&)>& change) {
    Recipe recipe = stored;
    change(recipe);
    return conflict(stored, recipe);
  };
  EXPECT_EQ(conflict_with([](Recipe&) {}), "");
  EXPECT_EQ(conflict_with([](Recipe& r) {
              r.name = r.summary = "other";
              r.epochs = 300;
            }),
            "");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.batch = 64; }), "batch is 128, not 64");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.w_bits = 3; }), "w_bits is 2, not 3");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.model = "resnet32"; }),
            "model is \"resnet20\", not \"resnet32\"");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.schedule.base_rate = 0.2; }),
            "schedule/base_rate is 0.1, not 0.2");
  EXPECT_NE(conflict_with([](Recipe& r) { r.schedule.decay = CosineDecay{}; }), "");
  EXPECT_NE(conflict_with([](Recipe& r) {
              r.schedule.decay = MultiStepDecay{{82, 123, 160}};
            }),
            "");
  EXPECT_NE(conflict_with([](Recipe& r) { r.schedule.decay = MultiStepDecay{{82}}; }), "");
}

}  // namespace
}  // namespace lq::testing
