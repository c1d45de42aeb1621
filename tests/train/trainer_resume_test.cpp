#include "train/trainer.h"

#include <gtest/gtest.h>

#include <functional>
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

/// The images of tiny_data(), with noise of another strength on the test images.
DatasetSplits data_with_test_noise(float noise) {
  SyntheticOptions images = tiny_images;
  images.noise = noise;
  DatasetSplits data = tiny_data();
  data.test = make_synthetic(images).test;
  return data;
}

/// How runs are stopped, and go on.
class TrainerResumeTest : public TrainerTest {};

TEST_F(TrainerResumeTest, AStoppedAndResumedRunIsTheUnbrokenOne) {
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

TEST_F(TrainerResumeTest, ARunThatIsStoppedInAnEvaluationBeginsWithThatOne) {
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

TEST_F(TrainerResumeTest, AnEvaluationUnderMaxStepsIsRepeatedWhenItWasStopped) {
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

TEST_F(TrainerResumeTest, AnEvaluationUnderMaxStepsIsNotMadeWhereTheRunGoesOn) {
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

TEST_F(TrainerResumeTest, AnEvaluationThatIsDueIsAtTheRateOfItsLastStepThoughTheRunGrows) {
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

TEST_F(TrainerResumeTest, AFinishedRunThatIsStoppedInItsEvaluationStaysAsItIs) {
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
TEST_F(TrainerResumeTest, ARunThatIsKilledBehindItsEvaluationTellsOfItOnce) {
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

TEST_F(TrainerResumeTest, AQuantizedNetworkResumesBitForBit) {
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

TEST_F(TrainerResumeTest, ALuckyEvaluationWhereARunIsStoppedIsNotItsBest) {
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

TEST_F(TrainerResumeTest, BeforeTheFirstEpochHasEndedTheBestIsWhereTheRunStopped) {
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

TEST_F(TrainerResumeTest, AFinishedRunThatIsResumedIsOnlyEvaluated) {
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

TEST_F(TrainerResumeTest, ALongerRunTellsWhetherItsScheduleChanges) {
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

TEST_F(TrainerResumeTest, AnotherNumberOfThreadsIsToldOnce) {
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

TEST_F(TrainerResumeTest, ThereMustBeARunToResume) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.resume = true;
  EXPECT_TRUE(throws_error([&] { train(options); },
                           "run: there is no run to resume (no last.safetensors)"));
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST_F(TrainerResumeTest, OnlyTheSameRunIsResumed) {
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

TEST_F(TrainerResumeTest, ClassesOfOtherNamesAreTold) {
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

TEST_F(TrainerResumeTest, ADamagedCheckpointIsNotResumed) {
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

}  // namespace
}  // namespace lq::testing
