#include "train/recipe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>

#include "data/dataset_registry.h"
#include "models/model.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

using nlohmann::json;

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
  EXPECT_TRUE(
      refuses([](Recipe& r) { r.epochs = 0; }, "recipe: epochs is 0, expected 1 to 16777216"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.epochs = (1 << 24) + 1; }, "recipe: epochs is 16777217"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.batch = 0; }, "recipe: batch is 0, expected at least 1"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.crop_padding = -1; },
                      "recipe: crop_padding is -1, expected at least 0"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.momentum = 1.0; },
                      "recipe: momentum is 1, expected at least 0 and less than 1"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.accumulation = 0; },
                      "recipe: accumulation is 0, expected a divisor of the batch of 128"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.learned_bases.momentum = 1; },
                      "recipe: learned_bases.momentum is 1, expected at least 0"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.learned_bases.weight_ridge = -1; },
                      "recipe: a ridge of learned_bases is -1, expected at least 0"));
  EXPECT_TRUE(refuses([](Recipe& r) { r.accumulation = 3; },
                      "recipe: accumulation is 3, expected a divisor of the batch of 128"));
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
  recipe.variant = "variant";
  recipe.w_bits = 3;
  recipe.a_bits = 32;
  recipe.quantizer = "dorefa";
  recipe.learned_bases = {
      .momentum = 0.8, .debias = false, .weight_ridge = 0.25, .activation_ridge_per_value = 0.5};
  recipe.dataset = "cifar10";
  recipe.dataset_options = {.padded_size = 40,
                            .synthetic = {.train_images = 1,
                                          .test_images = 2,
                                          .height = 3,
                                          .width = 4,
                                          .channels = 5,
                                          .classes = 6,
                                          .noise = 0.1F,
                                          .seed = 0x8000000000000000U}};
  recipe.crop_padding = 2;
  recipe.flip = false;
  recipe.augmentation = {.kind = AugmentationKind::resized_crop,
                         .style = AugmentationStyle::official,
                         .resize = {.crop = 32,
                                    .shorter_side = 40,
                                    .interpolation = Interpolation::bicubic_opencv,
                                    .order = ChannelOrder::bgr,
                                    .reducing_gap = 2}};
  recipe.mean_source = MeanSource::train_and_test;
  recipe.epochs = 77;
  recipe.batch = 64;
  recipe.accumulation = 4;
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

/// That older files lack.
constexpr std::array later_keys{"/augmentation/reducing_gap", "/variant", "/learned_bases",
                                "/augmentation", "/accumulation"};

/// A recipe of the paper as JSON, to be spoilt.
json example() { return json::parse(to_json(find_recipe("cifar10-resnet20"))); }

::testing::AssertionResult json_is_refused(const json& object, std::string_view message) {
  return throws_error([&] { recipe_from_json(object.dump()); }, message);
}

TEST(RecipeTest, JsonThatIsNoRecipeIsRefused) {
  EXPECT_TRUE(throws_error([] { recipe_from_json("{\n\"name\": ,}"); },
                           "recipe: the text is no JSON: parse error at line 2, column 9"));
  EXPECT_TRUE(json_is_refused(json::array(), "recipe: the text: expected an object"));
}

TEST(RecipeTest, EveryKeyOfTheJsonIsNeededButLaterOnes) {
  const json flat = example().flatten();
  for (const auto& [path, value] : flat.items()) {
    const json::json_pointer pointer(path);
    if (pointer.back() == "0" || pointer.back() == "1") continue;  // of the boundaries
    if (std::ranges::find(later_keys, path) != later_keys.end()) continue;
    json without = example();
    without[pointer.parent_pointer()].erase(pointer.back());
    std::string key = path.substr(1);
    std::ranges::replace(key, '/', '.');
    EXPECT_TRUE(json_is_refused(without, fmt::format("recipe: key '{}' is missing", key)));
  }
}

TEST(RecipeTest, KeysThatAreNotKnownAreRefused) {
  const auto with_key = [](const std::string& parent) {
    json object = example();
    object[json::json_pointer(parent)]["bacth"] = 1;
    return object;
  };
  EXPECT_TRUE(json_is_refused(with_key(""), "recipe: key 'bacth' is not known, expected name, "));
  EXPECT_TRUE(json_is_refused(with_key("/schedule/decay"),
                              "recipe: key 'schedule.decay.bacth' is not known, expected "
                              "boundaries, divide_by"));
}

TEST(RecipeTest, ValuesOfAnotherTypeAreRefused) {
  const auto with = [](const std::string& pointer, const json& value) {
    json object = example();
    object[json::json_pointer(pointer)] = value;
    return object;
  };
  EXPECT_TRUE(json_is_refused(with("/batch", "64"),
                              "recipe: key 'batch': expected a whole number, found \"64\""));
  EXPECT_TRUE(json_is_refused(with("/batch", 64.5), "key 'batch': expected a whole number"));
  EXPECT_TRUE(json_is_refused(with("/batch", true), "key 'batch': expected a whole number"));
  EXPECT_TRUE(json_is_refused(with("/w_bits", 1LL << 32),
                              "key 'w_bits': expected a whole number from -2147483648 to "
                              "2147483647, found 4294967296"));
  EXPECT_TRUE(json_is_refused(with("/seed", -1), "key 'seed': expected a whole number from 0 to"));
  EXPECT_TRUE(json_is_refused(with("/momentum", "0.9"), "key 'momentum': expected a number"));
  EXPECT_TRUE(json_is_refused(with("/dataset_options/synthetic/noise", 1e300),
                              "key 'dataset_options.synthetic.noise': expected a number of at"));
  EXPECT_TRUE(json_is_refused(with("/flip", 1), "key 'flip': expected true or false, found 1"));
  EXPECT_TRUE(json_is_refused(with("/model", nullptr), "key 'model': expected a string"));
  EXPECT_TRUE(json_is_refused(with("/mean_source", "test"),
                              "key 'mean_source': expected one of \"train\", \"train_and_test\""));
  EXPECT_TRUE(json_is_refused(with("/schedule/unit", "batch"),
                              "key 'schedule.unit': expected one of \"epoch\", \"step\", found "
                              "\"batch\""));
  EXPECT_TRUE(json_is_refused(with("/schedule/unit", 0),
                              "key 'schedule.unit': expected one of \"epoch\", \"step\", found 0"));
  EXPECT_TRUE(json_is_refused(with("/schedule", json::array()),
                              "key 'schedule': expected an object, found an array"));
  EXPECT_TRUE(json_is_refused(with("/schedule/decay/boundaries", {82, "123"}),
                              "key 'schedule.decay.boundaries': expected a whole number"));
  EXPECT_TRUE(json_is_refused(with("/schedule/decay/kind", "exponential"),
                              "key 'schedule.decay.kind': expected one of \"multi_step\", "
                              "\"polynomial\", \"cosine\", found \"exponential\""));
}

TEST(RecipeTest, AFileHoldsARecipeThatCanBeTrained) {
  const TemporaryFolder folder;
  const auto path = folder / "mine.json";
  const auto refuses = [&](const json& object, const std::string& message) {
    write_content(path, object.dump(2));
    return throws_error([&] { load_recipe(path); }, path.string() + ": " + message);
  };
  EXPECT_TRUE(throws_error([&] { load_recipe(path); }, path.string() + ": "));
  json object = example();
  write_content(path, object.dump(2));
  EXPECT_EQ(load_recipe(path), find_recipe("cifar10-resnet20"));

  object["batch"] = 0;
  EXPECT_TRUE(refuses(object, "recipe: batch is 0"));
  object.erase("batch");
  EXPECT_TRUE(refuses(object, "recipe: key 'batch' is missing"));
  const auto refuses_value = [&](const char* key, const json& value, const std::string& message) {
    json other = example();
    other[key] = value;
    return refuses(other, message);
  };
  EXPECT_TRUE(refuses_value("name", "", "recipe: name is \"\""));
  EXPECT_TRUE(refuses_value("name", "../a", "recipe: name is \"../a\""));
  EXPECT_TRUE(refuses_value("name", "a\nb",
                            "recipe: name is \"a\\nb\", expected a word without "
                            "'/' and control characters"));
  EXPECT_TRUE(refuses_value("name", "a\x7f", "recipe: name is "));
  EXPECT_TRUE(refuses_value("model", "resnet21", "recipe: model 'resnet21' is not known"));
  EXPECT_TRUE(
      refuses_value("variant", "type-b", "recipe: model resnet20: variant 'type-b' is not known"));
  EXPECT_TRUE(refuses_value("dataset", "cifar", "data set: \"cifar\" is not known"));
  EXPECT_TRUE(refuses_value("quantizer", "pact", "quantizer 'pact' is not known"));
  EXPECT_TRUE(refuses_value("w_bits", 9, "weight bits: 9 given"));
}

TEST(RecipeTest, OlderFilesMeanTheDefaultsOfLaterKeys) {
  json object = example();
  for (const char* key : later_keys) {
    const json::json_pointer place(key);
    ASSERT_EQ(object[place.parent_pointer()].erase(place.back()), 1U);
    EXPECT_EQ(recipe_from_json(object.dump()), find_recipe("cifar10-resnet20")) << key;
  }
}

/// As the program wrote it, word for word: these have to be read for ever.
TEST(RecipeTest, FilesOfEarlierVersionsAreRead) {
  const std::string first = R"({"name": "mine", "summary": "s", "model": "resnet20", "w_bits": 2,
    "a_bits": 2, "quantizer": "lq", "dataset": "cifar10", "dataset_options": {"padded_size": 0,
    "synthetic": {"train_images": 2000, "test_images": 500, "height": 32, "width": 32,
    "channels": 3, "classes": 10, "noise": 96.0, "seed": 0}}, "crop_padding": 4, "flip": true,
    "mean_source": "train", "epochs": 200, "batch": 128, "schedule": {"base_rate": 0.1,
    "decay": {"kind": "multi_step", "boundaries": [82, 123], "divide_by": 10.0},
    "unit": "epoch", "warmup_epochs": 0.0}, "momentum": 0.9, "nesterov": false,
    "weight_decay": 0.0001, "seed": 7})";
  const Recipe recipe = recipe_from_json(first);
  EXPECT_EQ(recipe.seed, 7U);
  EXPECT_EQ(recipe.learned_bases, Recipe().learned_bases);
  EXPECT_EQ(recipe.augmentation, Recipe().augmentation);
  const std::string before_reducing_gap =
      std::string(first).insert(1, R"("augmentation": {"kind": "crop", "style": "fb_resnet",
        "crop": 224, "shorter_side": 256, "interpolation": "bicubic", "order": "bgr"}, )");
  const AugmentationOptions augmentation = recipe_from_json(before_reducing_gap).augmentation;
  EXPECT_EQ(augmentation.kind, AugmentationKind::crop);
  EXPECT_EQ(augmentation.resize.order, ChannelOrder::bgr);
  EXPECT_EQ(augmentation.resize.reducing_gap, 0);
}

TEST(RecipeTest, TheVariantReachesTheNetwork) {
  Recipe recipe;
  recipe.model = "resnet18";
  recipe.variant = "type-a";
  EXPECT_EQ(model_options(recipe, 10, {32, 32, 3}).variant, "type-a");
  Recipe other = recipe;
  other.variant = "type-b";
  ASSERT_TRUE(conflict(recipe, other).has_value());
  EXPECT_EQ(conflict(recipe, other)->field, "variant");
}

TEST(RecipeTest, TheLearningOfBasesReachesTheNetwork) {
  Recipe recipe;
  const LqOptions usual = model_options(recipe, 10, {32, 32, 3}).lq;
  EXPECT_EQ(usual.weights.ridge, LqOptions().weights.ridge);
  EXPECT_EQ(usual.activations.ridge_per_value, LqOptions().activations.ridge_per_value);
  recipe.learned_bases = {
      .momentum = 0.5, .debias = false, .weight_ridge = 2, .activation_ridge_per_value = 3};
  const LqOptions lq = model_options(recipe, 10, {32, 32, 3}).lq;
  for (const kernels::QemOptions& side : {lq.weights, lq.activations}) {
    EXPECT_EQ(side.momentum, 0.5);
    EXPECT_FALSE(side.debias);
  }
  EXPECT_EQ(lq.weights.ridge, 2);
  EXPECT_EQ(lq.activations.ridge_per_value, 3);
  EXPECT_EQ(conflict(Recipe(), recipe)->field, "learned_bases.momentum");
}

TEST(RecipeTest, KeysThatOccurTwiceAreRefused) {
  const std::string text = to_json(find_recipe("cifar10-resnet20"));
  for (const std::string key : {"batch", "base_rate", "kind"}) {
    std::string twice = text;
    const std::size_t place = twice.find("\"" + key + "\":");
    const std::size_t end = twice.find(',', place) + 1;
    twice.insert(place, twice.substr(place, end - place));
    EXPECT_TRUE(
        throws_error([&] { recipe_from_json(twice); }, "recipe: key '" + key + "' occurs twice"));
  }
  // In different objects it is no repetition: there is a seed of the run and one of the images.
  EXPECT_EQ(recipe_from_json(text), find_recipe("cifar10-resnet20"));
}

TEST(RecipeTest, DataSetIsOpenedWithItsOptions) {
  Recipe recipe;
  recipe.dataset = "synthetic";
  recipe.dataset_options.synthetic = {.train_images = 5, .test_images = 3, .height = 4};
  const DatasetSplits data = open_dataset(recipe);
  EXPECT_EQ(data.train->size(), 5);
  EXPECT_EQ(data.test->image_shape(), (Shape{4, 32, 3}));
}

TEST(RecipeTest, DifferencesComeInTheOrderOfTheFields) {
  const Recipe first = find_recipe("cifar10-resnet20");
  Recipe second = first;
  second.name = second.summary = "other";
  EXPECT_TRUE(differences(first, second).empty());
  second.schedule.decay = CosineDecay{};
  second.w_bits = 3;
  std::vector<std::string> found;
  for (const auto& [field, a, b] : differences(first, second)) {
    found.push_back(fmt::format("{} {} {}", field, a, b));
  }
  EXPECT_EQ(found, (std::vector<std::string>{
                       "w_bits 2 3", "schedule.decay.kind \"multi_step\" \"cosine\"",
                       "schedule.decay.boundaries [82,123] null",
                       "schedule.decay.divide_by 10.0 null", "schedule.decay.end_rate null 0.0"}));
}

TEST(RecipeTest, ModifiedFieldsAreThoseThatTheNameDoesNotPromise) {
  Recipe recipe = find_recipe("cifar10-resnet20");
  EXPECT_TRUE(modified_fields(recipe).empty());
  recipe.epochs = 3;
  recipe.model = "small-cnn";
  EXPECT_EQ(modified_fields(recipe), (std::vector<std::string>{"model", "epochs"}));
  recipe.name = "mine";
  EXPECT_TRUE(modified_fields(recipe).empty());
}

TEST(RecipeTest, ConflictNamesTheFirstFieldThatMatters) {
  const Recipe stored = find_recipe("cifar10-resnet20");
  const auto conflict_with = [&](const std::function<void(Recipe&)>& change) {
    Recipe recipe = stored;
    change(recipe);
    const auto found = conflict(stored, recipe);
    return found ? fmt::format("{} {} {}", found->field, found->first, found->second) : "";
  };
  EXPECT_EQ(conflict_with([](Recipe&) {}), "");
  EXPECT_EQ(conflict_with([](Recipe& r) {
              r.name = r.summary = "other";
              r.epochs = 300;
            }),
            "");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.epochs = 199; }), "epochs 200 199");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.batch = 64; }), "batch 128 64");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.w_bits = r.a_bits = 3; }), "w_bits 2 3");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.model = "resnet32"; }),
            "model \"resnet20\" \"resnet32\"");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.schedule.base_rate = 0.2; }),
            "schedule.base_rate 0.1 0.2");
  EXPECT_EQ(conflict_with([](Recipe& r) {
              r.schedule.decay = MultiStepDecay{{82, 123, 160}};
            }),
            "schedule.decay.boundaries [82,123] [82,123,160]");
  EXPECT_EQ(conflict_with([](Recipe& r) { r.dataset_options.synthetic.seed = 1; }),
            "dataset_options.synthetic.seed 0 1");
}

}  // namespace
}  // namespace lq::testing
