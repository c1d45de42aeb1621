#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/training_runs.h"

namespace lq::testing {
namespace {

using nlohmann::json;

/// The evaluation of a checkpoint on the test images.
ClassificationSums evaluate_checkpoint(const std::filesystem::path& path) {
  const Checkpoint checkpoint = load_checkpoint(path);
  TinyNet model;
  model.load_state_dict(checkpoint.model);
  Loader loader(tiny_data().test, std::make_shared<NormalizeTransform>(checkpoint.normalization),
                {.batch = 8});
  return evaluate(model, loader);
}

TEST_F(TrainerTest, Learns) {
  const TemporaryFolder folder;
  const TrainingResult result = train(tiny_options(folder / "run"));
  EXPECT_EQ(result.epochs, 3);
  EXPECT_EQ(result.steps, 3 * tiny_steps_per_epoch);
  EXPECT_FALSE(result.interrupted);
  ASSERT_TRUE(result.test);
  EXPECT_EQ(result.test->images, 30);
  EXPECT_GE(result.test->accuracy(), 0.8);  // chance is 1/3; the patterns are easy
  EXPECT_GE(result.best->accuracy, result.test->accuracy());
  EXPECT_GT(result.images_per_s, 0.0);
  EXPECT_EQ(names_in(folder / "run"),
            (std::vector<std::string>{"best.safetensors", "last.safetensors", "metrics.jsonl"}));
}

TEST_F(TrainerTest, LogsEveryStepAndEpoch) {
  const TemporaryFolder folder;
  const TrainerOptions options = tiny_options(folder / "run");
  const TrainingResult result = train(options);
  const std::vector<json> steps = metrics_in(folder / "run", "step");
  ASSERT_EQ(std::ssize(steps), 3 * tiny_steps_per_epoch);
  double loss = 0.0;
  for (std::int64_t i = 0; i < std::ssize(steps); ++i) {
    const json& line = steps[static_cast<std::size_t>(i)];
    const std::int64_t epoch = i / tiny_steps_per_epoch;
    EXPECT_EQ(line["step"], i + 1);
    EXPECT_EQ(line["epoch"], epoch + 1);
    EXPECT_EQ(line["learning_rate"].get<double>(),
              learning_rate(options.recipe.schedule, {.epoch = epoch,
                                                      .step = i % tiny_steps_per_epoch,
                                                      .epochs = 3,
                                                      .steps_per_epoch = tiny_steps_per_epoch}));
    if (epoch == 2) loss += line["loss"].get<double>();
  }
  const std::vector<json> epochs = metrics_in(folder / "run", "epoch");
  ASSERT_EQ(epochs.size(), 3U);
  EXPECT_EQ(epochs[2]["epoch"], 3);
  EXPECT_EQ(epochs[2]["step"], 3 * tiny_steps_per_epoch);
  EXPECT_EQ(epochs[2]["test_accuracy"], result.test->accuracy());
  EXPECT_EQ(epochs[2]["test_top5_accuracy"], result.test->top5_accuracy());
  EXPECT_EQ(epochs[2]["test_loss"], result.test->mean_loss());
  EXPECT_NEAR(epochs[2]["train_loss"].get<double>(), loss / tiny_steps_per_epoch, 1e-12);
}

TEST_F(TrainerTest, BestCheckpointIsThatOfTheBestEpoch) {
  const TemporaryFolder folder;
  train(tiny_options(folder / "run"));
  double best = -1.0;
  std::int64_t best_epoch = 0;
  for (const json& line : metrics_in(folder / "run", "epoch")) {
    if (line["test_accuracy"] > best) {
      best = line["test_accuracy"];
      best_epoch = line["epoch"];
    }
  }
  const Checkpoint checkpoint = load_checkpoint(folder / "run/best.safetensors");
  EXPECT_EQ(checkpoint.state.best,
            (BestEvaluation{.accuracy = best, .epoch = best_epoch, .steps = 0}));
  EXPECT_EQ(checkpoint.state.epochs_done, best_epoch);
  EXPECT_TRUE(checkpoint.state.is_best());
  EXPECT_EQ(evaluate_checkpoint(folder / "run/best.safetensors").accuracy(), best);
}

TEST_F(TrainerTest, RunsRepeatBitForBitForAnyNumberOfLoaderThreads) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "first");
  train(options);
  for (const int threads : {0, 1, 3}) {
    options.output = folder / std::to_string(threads);
    options.loader_threads = threads;
    train(options);
    expect_same_run(folder / "first", options.output);
  }
}

TEST_F(TrainerTest, AnotherSeedGivesAnotherRun) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "first");
  train(options);
  options.output = folder / "second";
  options.recipe.seed = 8;
  train(options);
  EXPECT_NE(metrics_in(folder / "first", "step"), metrics_in(folder / "second", "step"));
}

TEST_F(TrainerTest, CheckpointsBetweenEpochsDoNotChangeTheRun) {
  const TemporaryFolder folder;
  train(tiny_options(folder / "plain"));
  TrainerOptions options = tiny_options(folder / "often");
  options.checkpoint_interval = 5;
  options.stop_requested = [&] {
    const TrainingState state = load_checkpoint(options.output / "last.safetensors").state;
    // Of the step just done, the checkpoint is still to come, unless this is the evaluation.
    const std::int64_t done = std::ssize(metrics_in(options.output, "step"));
    const std::int64_t kept = state.evaluation_due ? done : done - 1;
    EXPECT_EQ(state.epochs_done * tiny_steps_per_epoch + state.steps_done,
              std::max(kept / 5 * 5, kept / tiny_steps_per_epoch * tiny_steps_per_epoch))
        << "after step " << done;
    return false;
  };
  train(options);
  expect_same_run(folder / "plain", folder / "often");
}

TEST_F(TrainerTest, MaxStepsEndsTheRunWithAnEvaluation) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.max_steps = 15;
  const TrainingResult result = train(options);
  EXPECT_EQ(result.steps, 15);
  EXPECT_EQ(result.epochs, 1);
  EXPECT_FALSE(result.interrupted);
  EXPECT_TRUE(result.test);
  EXPECT_EQ(metrics_in(folder / "run", "epoch").back()["step"], 15);
  const TrainingState state = load_checkpoint(folder / "run/last.safetensors").state;
  EXPECT_EQ(state.steps_done, 2);
  EXPECT_EQ(state.best, result.best);
  EXPECT_FALSE(state.is_best());
}

TEST_F(TrainerTest, ImagesWithoutMirrorSymmetryAreNotMirrored) {
  const TemporaryFolder folder;
  const auto run = [&](const char* name, bool flip, bool mirror_symmetric) {
    TrainerOptions options = tiny_options(folder / name);
    options.recipe.flip = flip;
    DatasetSplits data = tiny_data();
    data.mirror_symmetric = mirror_symmetric;
    for (const bool resume : {false, true}) {  // resuming knows the rule, too
      options.resume = resume;
      TinyNet model;
      Trainer(model, data, options).run();
    }
    return load_checkpoint(folder / name / "last.safetensors").recipe.flip;
  };
  EXPECT_TRUE(run("mirrored", true, true));
  EXPECT_FALSE(run("not mirrored", false, true));
  EXPECT_FALSE(run("asymmetric", true, false));
  expect_same_run(folder / "not mirrored", folder / "asymmetric");
  EXPECT_NE(metrics_in(folder / "mirrored", "step"), metrics_in(folder / "asymmetric", "step"));
}

TEST_F(TrainerTest, ARunIsNeverOverwritten) {
  const TemporaryFolder folder;
  const TrainerOptions options = tiny_options(folder / "run");
  train(options);
  const std::string last = content_of(folder / "run/last.safetensors");
  EXPECT_TRUE(throws_error([&] { train(options); },
                           "run: the folder already holds a run (last.safetensors)"));
  EXPECT_EQ(content_of(folder / "run/last.safetensors"), last);
  for (const char* remaining : {"last.safetensors", "best.safetensors"}) {
    std::filesystem::remove(folder / "run" / remaining);
    EXPECT_TRUE(throws_error([&] { train(options); }, "already holds a run"));
  }
}

TEST_F(TrainerTest, ARunThatHasKeptNoStepIsReplaced) {
  const TemporaryFolder folder;
  train(tiny_options(folder / "other"));
  TrainerOptions options = tiny_options(folder / "run");
  options.recipe.schedule = {.base_rate = 1e30, .decay = MultiStepDecay{}};
  EXPECT_TRUE(throws_error([&] { train(options); }, "train: the loss is "));
  train(tiny_options(folder / "run"));
  expect_same_run(folder / "run", folder / "other");
}

TEST_F(TrainerTest, ARunThatCannotBeReadIsNotReplaced) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "run");
  write_content(folder / "run/last.safetensors", "damaged");
  EXPECT_TRUE(throws_error([&] { train(tiny_options(folder / "run")); },
                           "already holds a run (last.safetensors)"));
  EXPECT_EQ(content_of(folder / "run/last.safetensors"), "damaged");
}

TEST_F(TrainerTest, OnlyOneTrainsInAFolder) {
  const TemporaryFolder folder;
  train(tiny_options(folder / "unbroken"));
  TrainerOptions options = tiny_options(folder / "run");
  {
    TinyNet model;
    Trainer first(model, tiny_data(), options);
    for (const bool resume : {false, true}) {
      options.resume = resume;
      EXPECT_TRUE(
          throws_error([&] { train(options); }, "run: another process is training in this folder"));
    }
    first.run();
  }
  expect_same_run(folder / "run", folder / "unbroken");
  train(options);
}

TEST_F(TrainerTest, UnwritableOutputIsFoundBeforeAnyWork) {
  const TemporaryFolder folder;
  write_content(folder / "file", "x");
  EXPECT_TRUE(throws_error([&] { train(tiny_options(folder / "file/run")); },
                           "file/run: the output folder cannot be made: Not a directory"));
  EXPECT_TRUE(throws_error([&] { train(tiny_options(folder / "file")); },
                           "file: the output folder cannot be made: "));
  const FileSizeLimit full_disk(100);
  EXPECT_TRUE(throws_error([&] { train(tiny_options(folder / "run")); }, "last.safetensors: "));
}

TEST_F(TrainerTest, AFullDiskKeepsTheLastCheckpointAndTheRunCanGoOn) {
  const TemporaryFolder folder;
  train(tiny_options(folder / "unbroken"));
  TrainerOptions options = tiny_options(folder / "run");
  options.checkpoint_interval = 5;
  options.log_interval = 100;  // the metrics stay far below the limit
  {
    std::optional<FileSizeLimit> full_disk;
    std::int64_t steps = 0;
    options.stop_requested = [&] {
      if (++steps == 12) full_disk.emplace(2000);
      return false;
    };
    EXPECT_TRUE(throws_error([&] { train(options); }, "last.safetensors: "));
    EXPECT_EQ(steps, 13);
  }
  EXPECT_EQ(names_in(folder / "run"),
            (std::vector<std::string>{"last.safetensors", "metrics.jsonl"}));
  EXPECT_EQ(load_checkpoint(folder / "run/last.safetensors").state.steps_done, 10);
  options.stop_requested = nullptr;
  options.resume = true;
  train(options);
  for (const char* name : {"last.safetensors", "best.safetensors"}) {
    EXPECT_EQ(content_of(folder / "run" / name), content_of(folder / "unbroken" / name));
  }
}

TEST_F(TrainerTest, ALossThatIsNotFiniteEndsTheRunAndKeepsTheCheckpoint) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.checkpoint_interval = 1;
  options.recipe.schedule = {.base_rate = 1e30, .decay = MultiStepDecay{}};
  EXPECT_TRUE(throws_error([&] { train(options); }, "train: the loss is "));
  // One step at this rate gives weights that are finite, and logits that are not.
  EXPECT_EQ(metrics_in(folder / "run", "step").size(), 1U);
  EXPECT_EQ(load_checkpoint(folder / "run/last.safetensors").state.steps_done, 0);
  EXPECT_TRUE(std::isfinite(evaluate_checkpoint(folder / "run/last.safetensors").mean_loss()));
}

/// Something that spoils a network after a step.
struct Blow {
  std::int64_t after_step;
  std::string tensor;
  float value;
  bool stops;  ///< the run is told to stop after that step
  std::string message;
  std::int64_t test_batches = 0;  ///< of the evaluation that follows, before it strikes
};

void strike(Module& model, const Blow& blow) {
  for (auto& [name, tensor] : model.state_dict()) {
    if (name == blow.tensor) tensor.span<float>()[0] = blow.value;
  }
}

TEST_F(TrainerTest, ASpoiltNetworkNeverReplacesACheckpoint) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float inf = std::numeric_limits<float>::infinity();
  const TemporaryFolder folder;
  train(tiny_options(folder / "unbroken"));
  for (const Blow& blow :
       std::vector<Blow>{{13, "kernel", nan, false, "a value of 'kernel' is nan after 13 steps"},
                         {26, "weight", inf, false, "a value of 'weight' is inf after 26 steps"},
                         {26, "gain", 1e-38F, false, "the loss is nan after 26 steps"},
                         {26, "gain", 1e-38F, false, "the test loss is nan after 26 steps", 1},
                         {20, "weight", nan, false, "a value of 'weight' is nan after 20 steps"},
                         {17, "gain", inf, true, "a value of 'gain' is inf after 17 steps"},
                         {17, "gain", 1e-38F, true, "the loss is nan after 17 steps"},
                         {18, "kernel", nan, false, "the loss is nan after 18 steps"}}) {
    SCOPED_TRACE(blow.message);
    const auto output = folder / blow.message;
    TrainerOptions options = tiny_options(output);
    options.checkpoint_interval = 10;
    TinyNet model;
    std::int64_t questions = 0;
    std::string last;
    std::string best;
    options.stop_requested = [&] {
      if (++questions != question_after_step(blow.after_step) + blow.test_batches) return false;
      last = content_of(output / "last.safetensors");
      best = content_of(output / "best.safetensors");
      strike(model, blow);
      return blow.stops;
    };
    EXPECT_TRUE(throws_error([&] { Trainer(model, tiny_data(), options).run(); },
                             "train: " + blow.message +
                                 "; the checkpoints written before are kept; a smaller learning "
                                 "rate may help"));
    EXPECT_EQ(content_of(output / "last.safetensors"), last);
    EXPECT_EQ(content_of(output / "best.safetensors"), best);
    EXPECT_TRUE(std::isfinite(evaluate_checkpoint(output / "last.safetensors").mean_loss()));

    options.stop_requested = nullptr;
    options.resume = true;
    train(options);
    expect_same_run(folder / "unbroken", output);
  }
}

TEST_F(TrainerTest, HealthWarningsAreLogged) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.health_check = [](Module&) { return std::vector<std::string>{"one", "two"}; };
  train(options);
  const std::vector<json> warnings = metrics_in(folder / "run", "warning");
  ASSERT_EQ(warnings.size(), 6U);
  EXPECT_EQ(warnings[1],
            (json{{"kind", "warning"}, {"step", tiny_steps_per_epoch}, {"message", "two"}}));
}

TEST_F(TrainerTest, OptionsOutOfRangeAreRefused) {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::function<void(TrainerOptions&)>& change,
                           std::string_view message) {
    TrainerOptions options = tiny_options(folder / "run");
    change(options);
    return throws_error([&] { train(options); }, message);
  };
  EXPECT_TRUE(refuses([](auto& o) { o.output.clear(); }, "train: no output folder given"));
  EXPECT_TRUE(refuses([](auto& o) { o.log_interval = 0; }, "log_interval is 0"));
  EXPECT_TRUE(refuses([](auto& o) { o.checkpoint_interval = -1; }, "checkpoint_interval is -1"));
  EXPECT_TRUE(refuses([](auto& o) { o.max_steps = 0; }, "max_steps is 0"));
  EXPECT_TRUE(refuses([](auto& o) { o.recipe.epochs = 0; }, "recipe: epochs is 0"));
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

}  // namespace
}  // namespace lq::testing
