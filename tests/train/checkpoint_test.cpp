#include "train/checkpoint.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/io/safetensors.h"
#include "data/in_memory_dataset.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/tiny_run.h"

namespace lq::testing {
namespace {

Checkpoint example() {
  Checkpoint checkpoint;
  checkpoint.recipe = find_recipe("cifar10-vgg-small");
  checkpoint.recipe.w_bits = 3;
  checkpoint.recipe.a_bits = 32;
  checkpoint.recipe.quantizer = "dorefa";
  checkpoint.classes = 100;
  for (int i = 0; i < 100; ++i) checkpoint.class_names.push_back(fmt::format("\"class\" {}\n", i));
  checkpoint.images = ImageCounts{.train = 1'281'167, .test = 50'000};
  checkpoint.normalization = {random_uniform({4, 6, 3}, 1, 0.0F, 255.0F), {64.0F}};
  checkpoint.state = {.epochs_done = 5,
                      .steps_done = 17,
                      .epoch_sums = {.loss = 0.1 + 0.2, .correct = 11, .images = 136},
                      .best = BestEvaluation{.accuracy = 2.0 / 3.0, .epoch = 4, .steps = 2}};
  checkpoint.threads = 3;
  checkpoint.model = {{"conv.weight", random_normal({4, 3, 3, 2}, 2)},
                      {"conv.quant.steps", Tensor::from(std::vector<std::int64_t>{-5}, {1})},
                      {"conv.quant.biased", Tensor::from(std::vector<double>{1.0 / 3.0}, {1})}};
  checkpoint.optimizer = {{"velocity.conv.weight", random_normal({4, 3, 3, 2}, 3)}};
  return checkpoint;
}

void expect_equal(const StateDict& actual, const StateDict& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const Tensor& a = actual[i].second;
    const Tensor& b = expected[i].second;
    EXPECT_EQ(actual[i].first, expected[i].first);
    ASSERT_EQ(a.shape(), b.shape());
    ASSERT_EQ(a.dtype(), b.dtype());
    EXPECT_EQ(std::memcmp(a.raw(), b.raw(), a.bytes()), 0) << actual[i].first;
  }
}

TEST(CheckpointTest, RoundTripKeepsEveryBit) {
  const TemporaryFolder folder;
  const Checkpoint saved = example();
  save_checkpoint(folder / "a.safetensors", saved);
  const Checkpoint loaded = load_checkpoint(folder / "a.safetensors");
  EXPECT_EQ(loaded.recipe, saved.recipe);
  EXPECT_EQ(loaded.classes, saved.classes);
  EXPECT_EQ(loaded.class_names, saved.class_names);
  EXPECT_EQ(loaded.images, saved.images);
  EXPECT_EQ(loaded.state, saved.state);
  EXPECT_EQ(loaded.threads, 3);
  EXPECT_EQ(loaded.normalization, saved.normalization);
  expect_equal(loaded.model, saved.model);
  expect_equal(loaded.optimizer, saved.optimizer);
}

TEST(CheckpointTest, NamesOfClassesAreText) {
  const InMemoryDataset images({1, 1, 1}, {0, 0}, {0, 1}, {"caf\xC3\xA9", "caf\xE9"});
  EXPECT_EQ(class_names(images), (std::vector<std::string>{"caf\xC3\xA9", "caf\xEF\xBF\xBD"}));
}

TEST(CheckpointTest, FilesFromBeforeTheyToldOfTheDataAreRead) {
  const TemporaryFolder folder;
  save_checkpoint(folder / "a.safetensors", example());
  SafetensorsFile file = load_safetensors(folder / "a.safetensors");
  EXPECT_EQ(file.metadata.erase("class_names"), 1U);
  EXPECT_EQ(file.metadata.erase("images"), 1U);
  save_safetensors(folder / "a.safetensors", file.tensors, file.metadata);
  const Checkpoint loaded = load_checkpoint(folder / "a.safetensors");
  EXPECT_EQ(loaded.classes, 100);
  EXPECT_TRUE(loaded.class_names.empty());
  EXPECT_FALSE(loaded.images.has_value());
}

TEST(CheckpointTest, NormalizationMayBeOfChannels) {
  const TemporaryFolder folder;
  Checkpoint saved = example();
  saved.normalization = imagenet_normalization();
  save_checkpoint(folder / "a.safetensors", saved);
  EXPECT_EQ(load_checkpoint(folder / "a.safetensors").normalization, saved.normalization);
}

TEST(CheckpointTest, OneFromBeforeThereWereLaterKeysOfRecipesIsRead) {
  const TemporaryFolder folder;
  const Checkpoint saved = example();
  save_checkpoint(folder / "a.safetensors", saved);
  SafetensorsFile file = load_safetensors(folder / "a.safetensors");
  nlohmann::json recipe = nlohmann::json::parse(file.metadata.at("recipe"));
  for (const char* key : {"variant", "augmentation", "accumulation"}) {
    ASSERT_EQ(recipe.erase(key), 1U);
  }
  file.metadata["recipe"] = recipe.dump();
  save_safetensors(folder / "b.safetensors", file.tensors, file.metadata);
  EXPECT_EQ(load_checkpoint(folder / "b.safetensors").recipe, saved.recipe);
}

TEST(CheckpointTest, TheBestEvaluationMayBeUnknown) {
  const TemporaryFolder folder;
  Checkpoint saved = example();
  saved.state.best.reset();
  save_checkpoint(folder / "a.safetensors", saved);
  EXPECT_EQ(load_checkpoint(folder / "a.safetensors").state, saved.state);
}

TEST(CheckpointTest, AnEvaluationMayBeDue) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  Checkpoint saved = example();
  save_checkpoint(path, saved);
  // Files of other places are as they were before there was this one.
  EXPECT_FALSE(nlohmann::json::parse(load_safetensors(path).metadata.at("state"))
                   .contains("evaluation_due"));
  saved.state.evaluation_due = true;
  save_checkpoint(path, saved);
  EXPECT_EQ(load_checkpoint(path).state, saved.state);
  saved.state.steps_done = 0;
  save_checkpoint(path, saved);
  EXPECT_TRUE(throws_error([&] { load_checkpoint(path); }, "an evaluation is due of no step"));
}

TEST(TrainingStateTest, TellsItsEpochAndWhetherItIsTheBest) {
  EXPECT_EQ(TrainingState{}.epoch(), 0);
  EXPECT_EQ((TrainingState{.epochs_done = 2}).epoch(), 2);
  EXPECT_EQ((TrainingState{.epochs_done = 2, .steps_done = 1}).epoch(), 3);

  EXPECT_FALSE(TrainingState{}.is_best());
  TrainingState state{.epochs_done = 2, .best = BestEvaluation{.epoch = 2}};
  EXPECT_TRUE(state.is_best());
  state.steps_done = 5;
  EXPECT_FALSE(state.is_best());
  state.best = BestEvaluation{.epoch = 3, .steps = 5};
  EXPECT_TRUE(state.is_best());
  state.steps_done = 6;
  EXPECT_FALSE(state.is_best());
}

TEST(CheckpointTest, ModelOptionsComeFromRecipeAndData) {
  const ModelOptions options = model_options(example());
  EXPECT_EQ(options.w_bits, 3);
  EXPECT_EQ(options.a_bits, 32);
  EXPECT_EQ(options.quantizer, "dorefa");
  EXPECT_EQ(options.classes, 100);
  EXPECT_EQ(options.input, (Shape{4, 6, 3}));
}

TEST(CheckpointTest, RestoreModelMakesAndFillsTheNetwork) {
  Checkpoint checkpoint = example();
  checkpoint.recipe.model = "small-cnn";
  checkpoint.recipe.w_bits = checkpoint.recipe.a_bits = 2;
  checkpoint.recipe.quantizer = "lq";
  checkpoint.normalization.mean = random_uniform({8, 8, 3}, 1, 0.0F, 255.0F);
  const auto original = make_model("small-cnn", model_options(checkpoint));
  original->initialize(5);
  checkpoint.model = original->state_dict();
  expect_equal(restore_model(checkpoint)->state_dict(), original->state_dict());

  checkpoint.recipe.model = "resnet20";
  EXPECT_TRUE(throws_error([&] { restore_model(checkpoint); }, "is it of another model?"));
  checkpoint.recipe.model = "small-cnn";
  checkpoint.recipe.w_bits = 3;
  EXPECT_TRUE(throws_error([&] { restore_model(checkpoint); }, "is it of another model?"));
}

TEST(CheckpointTest, AnyFlippedByteIsNoticed) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  save_checkpoint(path, example());
  const std::string intact = content_of(path);
  for (std::size_t position = 0; position < intact.size(); position += 41) {
    std::string damaged = intact;
    damaged[position] = static_cast<char>(damaged[position] ^ 0x10);
    write_content(path, damaged);
    EXPECT_TRUE(throws_error([&] { load_checkpoint(path); }, path.string() + ": "))
        << "byte " << position;
  }
}

TEST(CheckpointTest, TruncatedFilesAreNoticed) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  save_checkpoint(path, example());
  const std::string intact = content_of(path);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{100}, intact.size() / 2, intact.size() - 1}) {
    write_content(path, intact.substr(0, size));
    EXPECT_TRUE(throws_error([&] { load_checkpoint(path); }, path.string() + ": "));
  }
}

TEST(CheckpointTest, FilesThatAreNoCheckpointAreRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  EXPECT_TRUE(throws_error([&] { load_checkpoint(path); }, path.string() + ": "));
  EXPECT_TRUE(throws_error([&] { load_checkpoint(folder.path()); }, folder.path().string() + ": "));
  save_safetensors(path, example().model);
  EXPECT_TRUE(throws_error([&] { load_checkpoint(path); },
                           path.string() + ": not a checkpoint of a training run"));
}

/// Loads the example with another metadata entry, by way of the file `path`.
Checkpoint load_with_entry(const std::filesystem::path& path, const std::string& key,
                           std::string value) {
  save_checkpoint(path, example());
  SafetensorsFile file = load_safetensors(path);
  file.metadata[key] = std::move(value);
  save_safetensors(path, file.tensors, file.metadata);
  return load_checkpoint(path);
}

TEST(CheckpointTest, OtherFormatsAndMissingPartsAreRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  save_checkpoint(path, example());
  const SafetensorsFile intact = load_safetensors(path);
  const auto load_with = [&](const std::function<void(SafetensorsFile&)>& change) {
    SafetensorsFile file = intact;
    change(file);
    save_safetensors(path, file.tensors, file.metadata);
    load_checkpoint(path);
  };
  EXPECT_NO_THROW(load_with([](SafetensorsFile&) {}));
  EXPECT_TRUE(
      throws_error([&] { load_with_entry(path, "format_version", "3"); },
                   "written by a newer program (checkpoint format 3, this program reads 2)"));
  EXPECT_TRUE(
      throws_error([&] { load_with_entry(path, "format_version", "1"); },
                   "written by an older program (checkpoint format 1, this program reads 2)"));
  for (const std::string key : {"format_version", "recipe", "classes", "state", "threads"}) {
    EXPECT_TRUE(throws_error([&] { load_with([&](auto& file) { file.metadata.erase(key); }); },
                             "the metadata entry '" + key + "' is missing"));
    EXPECT_TRUE(throws_error([&] { load_with_entry(path, key, "}"); },
                             key == "recipe"
                                 ? ": recipe: the text is no JSON: parse error at line 1"
                                 : ": damaged metadata: parse error at line 1"));
  }
  EXPECT_TRUE(throws_error([&] { load_with_entry(path, "class_names", R"(["a", "b"])"); },
                           "there are 2 names of 100 classes"));
  EXPECT_TRUE(throws_error(
      [&] {
        load_with([](SafetensorsFile& file) {
          std::erase_if(file.tensors, [](const auto& entry) { return entry.first == "data.mean"; });
        });
      },
      "the normalization ('data.mean', 'data.divisor') is missing"));
}

TEST(CheckpointTest, NamesThatTheRecipeDoesNotKnowAreRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const auto load_with = [&](const char* pointer, const char* name) {
    nlohmann::json recipe = nlohmann::json::parse(to_json(example().recipe));
    recipe[nlohmann::json::json_pointer(pointer)] = name;
    load_with_entry(path, "recipe", recipe.dump());
  };
  EXPECT_NO_THROW(load_with("/schedule/unit", "step"));
  const auto refused = [&](const std::string& message) {
    return path.string() + ": recipe: key " + message;
  };
  EXPECT_TRUE(throws_error([&] { load_with("/schedule/unit", "batch"); },
                           refused("'schedule.unit': expected one of \"epoch\", \"step\", found "
                                   "\"batch\"")));
  EXPECT_TRUE(throws_error([&] { load_with("/mean_source", "test"); },
                           refused("'mean_source': expected one of \"train\", "
                                   "\"train_and_test\", found \"test\"")));
  EXPECT_TRUE(throws_error([&] { load_with("/schedule/decay/kind", "exponential"); },
                           refused("'schedule.decay.kind': expected one of ")));
}

TEST(CheckpointTest, FailedWritesKeepTheOldFile) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  save_checkpoint(path, example());
  const std::string old_content = content_of(path);
  {
    const FileSizeLimit full_disk(1000);
    Checkpoint other = example();
    other.state.steps_done = 18;
    EXPECT_TRUE(throws_error([&] { save_checkpoint(path, other); }, path.string() + ": "));
  }
  EXPECT_EQ(content_of(path), old_content);
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"a.safetensors"});
  EXPECT_TRUE(throws_error([&] { save_checkpoint(path / "below/a.safetensors", example()); },
                           "below/a.safetensors: "));
}

}  // namespace
}  // namespace lq::testing
