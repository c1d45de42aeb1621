#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/threads.h"
#include "tests/support/defective_images.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/training_runs.h"

namespace lq::testing {
namespace {

using nlohmann::json;

/// For stop_requested: says yes to the question of this number, from 1.
std::function<bool()> stop_at(std::int64_t question) {
  return [question, asked = std::int64_t{0}]() mutable { return ++asked == question; };
}

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

TEST_F(TrainerTest, AStoppedAndResumedRunIsTheUnbrokenOne) {
  const TemporaryFolder folder;
  train(tiny_options(folder / "unbroken"));
  // Within an epoch, at its end, right after it, in the last one.
  for (const std::int64_t stop_after : {1, 5, 13, 14, 38}) {
    const auto output = folder / std::to_string(stop_after);
    TrainerOptions options = tiny_options(output);
    options.stop_requested = stop_at(question_after_step(stop_after));
    const TrainingResult stopped = train(options);
    EXPECT_TRUE(stopped.interrupted);
    EXPECT_EQ(stopped.steps, stop_after);

    options.stop_requested = nullptr;
    options.resume = true;
    const TrainingResult resumed = train(options);
    EXPECT_FALSE(resumed.interrupted);
    EXPECT_EQ(resumed.steps, 3 * tiny_steps_per_epoch);
    expect_same_run(folder / "unbroken", output);
  }
}

TEST_F(TrainerTest, ARunThatIsStoppedInAnEvaluationBeginsWithThatOne) {
  const TemporaryFolder folder;
  train(tiny_options(folder / "unbroken"));
  const std::vector<json> steps = metrics_in(folder / "unbroken", "step");
  for (const std::int64_t epoch : {1, 3}) {
    for (const std::int64_t batch : {1, 3, 4}) {
      SCOPED_TRACE(fmt::format("epoch {}, batch {}", epoch, batch));
      const std::int64_t steps_done = epoch * tiny_steps_per_epoch;
      TrainerOptions options = tiny_options(folder / fmt::format("{}-{}", epoch, batch));
      options.stop_requested = stop_at(question_after_step(steps_done) + batch);
      const TrainingResult stopped = train(options);
      EXPECT_TRUE(stopped.interrupted);
      EXPECT_EQ(stopped.steps, steps_done);
      EXPECT_EQ(stopped.epochs, epoch - 1);
      EXPECT_EQ(stopped.test.has_value(), epoch > 1);  // of the epochs before
      EXPECT_EQ(std::ssize(metrics_in(options.output, "epoch")), epoch - 1);
      const TrainingState state = load_checkpoint(options.output / "last.safetensors").state;
      EXPECT_EQ(state.epochs_done, epoch - 1);
      EXPECT_EQ(state.steps_done, tiny_steps_per_epoch);
      EXPECT_TRUE(state.evaluation_due);
      EXPECT_EQ(state.best, stopped.best);
      EXPECT_EQ(state.best.has_value(), epoch > 1);

      options.stop_requested = [&] {
        EXPECT_GE(metrics_in(options.output, "step").size(), static_cast<std::size_t>(steps_done));
        return false;
      };
      options.resume = true;
      EXPECT_EQ(train(options).steps, 3 * tiny_steps_per_epoch);
      expect_same_run(folder / "unbroken", options.output);
    }
  }
}

TEST_F(TrainerTest, AnEvaluationUnderMaxStepsIsRepeatedWhenItWasStopped) {
  const TemporaryFolder folder;
  for (const std::int64_t max_steps : {5, 15, 26}) {  // which is where an epoch ends, at last
    SCOPED_TRACE(max_steps);
    TrainerOptions unbroken = tiny_options(folder / fmt::format("unbroken{}", max_steps));
    unbroken.max_steps = max_steps;
    const TrainingResult expected = train(unbroken);

    TrainerOptions options = tiny_options(folder / fmt::format("stopped{}", max_steps));
    options.max_steps = max_steps;
    options.stop_requested = stop_at(question_after_step(max_steps) + 2);
    const TrainingResult stopped = train(options);
    EXPECT_TRUE(stopped.interrupted);
    EXPECT_EQ(stopped.steps, max_steps);

    options.stop_requested = nullptr;
    options.resume = true;
    const TrainingResult resumed = train(options);
    EXPECT_EQ(resumed.test, expected.test);
    EXPECT_EQ(resumed.best, expected.best);
    expect_same_run(unbroken.output, options.output);
  }
}

TEST_F(TrainerTest, AnEvaluationUnderMaxStepsIsNotMadeWhereTheRunGoesOn) {
  const TemporaryFolder folder;
  train(tiny_options(folder / "unbroken"));
  TrainerOptions options = tiny_options(folder / "run");
  options.max_steps = 5;
  options.stop_requested = stop_at(6);
  EXPECT_TRUE(train(options).interrupted);
  // A run that is killed between its two checkpoints leaves this one.
  write_content(options.output / "best.safetensors", "of the evaluation after step 5");
  options.max_steps.reset();
  options.resume = true;
  options.stop_requested = stop_at(1);
  EXPECT_EQ(train(options).steps, 6);
  EXPECT_EQ(names_in(options.output),
            (std::vector<std::string>{"last.safetensors", "metrics.jsonl"}));
  options.stop_requested = nullptr;
  train(options);
  expect_same_run(folder / "unbroken", options.output);
}

TEST_F(TrainerTest, AnEvaluationThatIsDueIsAtTheRateOfItsLastStepThoughTheRunGrows) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.stop_requested = stop_at(question_after_step(tiny_steps_per_epoch) + 1);
  train(options);
  options.stop_requested = nullptr;
  options.resume = true;
  options.recipe.epochs = 4;
  train(options);
  EXPECT_EQ(metrics_in(options.output, "epoch")[0]["learning_rate"],
            metrics_in(options.output, "step")[tiny_steps_per_epoch - 1]["learning_rate"]);
}

TEST_F(TrainerTest, AFinishedRunThatIsStoppedInItsEvaluationStaysAsItIs) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  train(options);
  train(tiny_options(folder / "same"));
  options.resume = true;
  options.stop_requested = stop_at(2);
  const TrainingResult stopped = train(options);
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_FALSE(stopped.test);
  expect_same_run(folder / "run", folder / "same");
}

/// What a run that is killed leaves when the line of its evaluation is there, and the checkpoint
/// behind it is not.
TEST_F(TrainerTest, ARunThatIsKilledBehindItsEvaluationTellsOfItOnce) {
  const TemporaryFolder folder;
  const auto options_for = [&](const char* name) {
    TrainerOptions options = tiny_options(folder / name);
    options.health_check = [](Module&) { return std::vector<std::string>{"one", "two"}; };
    return options;
  };
  train(options_for("unbroken"));
  TrainerOptions options = options_for("killed");
  options.stop_requested = stop_at(question_after_step(tiny_steps_per_epoch) + 1);
  train(options);
  const std::string last = content_of(options.output / "last.safetensors");
  options.stop_requested = stop_at(tiny_test_batches + 1);
  options.resume = true;
  train(options);
  write_content(options.output / "last.safetensors", last);
  options.stop_requested = nullptr;
  train(options);
  expect_same_run(folder / "unbroken", options.output);
  EXPECT_EQ(metrics_in(options.output, "warning"), metrics_in(folder / "unbroken", "warning"));
}

TEST_F(TrainerTest, AQuantizedNetworkResumesBitForBit) {
  const TemporaryFolder folder;
  const auto run = [&](const char* name, bool resume, std::optional<std::int64_t> stop_after) {
    TrainerOptions options = tiny_options(folder / name);
    options.recipe.model = "small-cnn";
    options.resume = resume;
    if (stop_after) options.stop_requested = stop_at(*stop_after);
    const auto model = make_model("small-cnn", {.classes = 3, .input = {8, 8, 2}});
    Trainer(*model, tiny_data(), options).run();
  };
  run("unbroken", false, {});
  run("resumed", false, 7);
  run("resumed", true, 9);
  run("resumed", true, {});
  expect_same_run(folder / "unbroken", folder / "resumed");
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

/// The images of tiny_data(), with noise of another strength on the test images.
DatasetSplits data_with_test_noise(float noise) {
  SyntheticOptions images = tiny_images;
  images.noise = noise;
  DatasetSplits data = tiny_data();
  data.test = make_synthetic(images).test;
  return data;
}

TEST_F(TrainerTest, ALuckyEvaluationWhereARunIsStoppedIsNotItsBest) {
  const DatasetSplits easy = data_with_test_noise(0.0F);
  const DatasetSplits hard = data_with_test_noise(300.0F);
  const TemporaryFolder folder;
  const double best = train(tiny_options(folder / "unbroken"), hard).best->accuracy;
  for (const std::int64_t stop_after : {8, 20}) {  // in the first epoch, and in the second
    SCOPED_TRACE(stop_after);
    TrainerOptions options = tiny_options(folder / std::to_string(stop_after));
    if (stop_after > tiny_steps_per_epoch) {
      options.max_steps = tiny_steps_per_epoch;
      train(options, hard);
      options.resume = true;
    }
    options.max_steps = stop_after;
    ASSERT_GT(train(options, easy).test->accuracy(), best);
    options.max_steps.reset();
    options.resume = true;
    train(options, hard);
    for (const char* name : {"last.safetensors", "best.safetensors"}) {
      EXPECT_EQ(content_of(options.output / name), content_of(folder / "unbroken" / name)) << name;
    }
    EXPECT_EQ(metrics_in(options.output, "step"), metrics_in(folder / "unbroken", "step"));
  }
}

TEST_F(TrainerTest, BeforeTheFirstEpochHasEndedTheBestIsWhereTheRunStopped) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  for (const std::int64_t stop_after : {3, 5, 5}) {  // the last time, nothing is left to do
    options.max_steps = stop_after;
    const TrainingResult result = train(options);
    EXPECT_EQ(result.best, (BestEvaluation{result.test->accuracy(), 1, stop_after}));
    EXPECT_TRUE(load_checkpoint(folder / "run/last.safetensors").state.is_best());
    EXPECT_EQ(content_of(folder / "run/best.safetensors"),
              content_of(folder / "run/last.safetensors"));
    options.resume = true;
  }
  options.max_steps.reset();
  options.stop_requested = [] { return true; };
  EXPECT_FALSE(train(options).best);
  EXPECT_EQ(names_in(folder / "run"),
            (std::vector<std::string>{"last.safetensors", "metrics.jsonl"}));
}

TEST_F(TrainerTest, AFinishedRunThatIsResumedIsOnlyEvaluated) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  const TrainingResult first = train(options);
  const std::string last = content_of(folder / "run/last.safetensors");
  options.resume = true;
  const TrainingResult second = train(options);
  EXPECT_EQ(second.steps, first.steps);
  EXPECT_EQ(second.test, first.test);
  EXPECT_EQ(second.best, first.best);
  EXPECT_EQ(content_of(folder / "run/last.safetensors"), last);

  options.recipe.epochs = 4;
  EXPECT_EQ(train(options).steps, 4 * tiny_steps_per_epoch);
}

TEST_F(TrainerTest, ALongerRunTellsWhetherItsScheduleChanges) {
  const TemporaryFolder folder;
  for (const bool depends : {true, false}) {
    TrainerOptions options = tiny_options(folder / std::to_string(depends));
    if (!depends) options.recipe.schedule.decay = MultiStepDecay{};
    options.health_check = nullptr;
    train(options);
    options.resume = true;
    options.recipe.epochs = 4;
    train(options);
    const std::vector<json> warnings = metrics_in(options.output, "warning");
    ASSERT_EQ(warnings.size(), depends ? 1U : 0U);
    if (depends) {
      EXPECT_EQ(warnings[0]["message"],
                "epochs: 4 now, 3 before; from here on, the learning rate is that of a run of 4 "
                "epochs");
    }
  }
}

TEST_F(TrainerTest, AnotherNumberOfThreadsIsToldOnce) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.health_check = nullptr;
  options.max_steps = 2;
  train(options);
  EXPECT_EQ(load_checkpoint(folder / "run/last.safetensors").threads, 1);
  set_num_threads(2);
  options.resume = true;
  for (const std::int64_t steps : {4, 6}) {
    options.max_steps = steps;
    train(options);
  }
  EXPECT_EQ(load_checkpoint(folder / "run/last.safetensors").threads, 2);
  const std::vector<json> warnings = metrics_in(folder / "run", "warning");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0]["step"], 2);
  EXPECT_EQ(warnings[0]["message"],
            "threads: 2 now, 1 before; the numbers may differ in rounding from those of an "
            "unbroken run");
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

TEST_F(TrainerTest, ThereMustBeARunToResume) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.resume = true;
  EXPECT_TRUE(throws_error([&] { train(options); },
                           "run: there is no run to resume (no last.safetensors)"));
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST_F(TrainerTest, OnlyTheSameRunIsResumed) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.max_steps = 2;
  train(options);
  options.resume = true;

  TrainerOptions other_bits = options;
  other_bits.recipe.w_bits = 3;
  EXPECT_TRUE(throws_error(
      [&] { train(other_bits); },
      "last.safetensors: cannot be continued with other settings: w_bits is 2, not 3"));
  TrainerOptions fewer_epochs = options;
  fewer_epochs.recipe.epochs = 2;
  EXPECT_TRUE(throws_error([&] { train(fewer_epochs); },
                           "other settings: epochs is 3, not 2 (it may only grow)"));
  TrainerOptions other_model = options;
  other_model.recipe.model = "resnet20";
  EXPECT_TRUE(throws_error([&] { train(other_model); },
                           "other settings: model is \"tiny-net\", not \"resnet20\""));

  const std::string_view other_data = "cannot be continued with other data";
  TinyNet model;
  SyntheticOptions other_images = tiny_images;
  other_images.seed = 4;
  EXPECT_TRUE(
      throws_error([&] { Trainer(model, make_synthetic(other_images), options); }, other_data));

  other_images = tiny_images;
  other_images.test_images += 1;
  EXPECT_TRUE(throws_error([&] { Trainer(model, make_synthetic(other_images), options); },
                           "other data: the images (106 for training and 31 for testing, 106 and "
                           "30 before) of 'synthetic' have changed"));

  // The same name for another network: the tensors tell.
  TinyNet wider(4);
  EXPECT_TRUE(throws_error([&] { Trainer(wider, tiny_data(), options); },
                           "last.safetensors: state: 'weight' is 3x128 f32, expected 4x128 f32"));
}

TEST_F(TrainerTest, ClassesOfOtherNamesAreTold) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.max_steps = 2;
  train(options);
  options.max_steps = 3;
  options.resume = true;
  DatasetSplits renamed = tiny_data();
  renamed.train = std::make_shared<RenamedClasses>(renamed.train);
  TinyNet model;
  Trainer(model, renamed, options).run();
  const std::vector<json> warnings = metrics_in(folder / "run", "warning");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0]["message"],
            fmt::format("class 0: \"name\" now, \"{}\" before; the run goes on as if that were the "
                        "same class",
                        tiny_data().train->classes()[0]));
}

TEST_F(TrainerTest, ADamagedCheckpointIsNotResumed) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.max_steps = 2;
  train(options);
  std::string content = content_of(folder / "run/last.safetensors");
  content.back() = static_cast<char>(content.back() ^ 1);
  write_content(folder / "run/last.safetensors", content);
  options.resume = true;
  EXPECT_TRUE(throws_error([&] { train(options); }, "last.safetensors: "));
}

TEST_F(TrainerTest, UnwritableOutputIsFoundBeforeAnyWork) {
  const TemporaryFolder folder;
  write_content(folder / "file", "x");
  EXPECT_TRUE(throws_error([&] { train(tiny_options(folder / "file/run")); },
                           "file/run: the output folder cannot be made: Not a directory"));
  EXPECT_TRUE(throws_error([&] { train(tiny_options(folder / "file")); }, "file"));
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
