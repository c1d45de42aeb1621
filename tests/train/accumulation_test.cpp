// Batches that are computed in parts.

#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/training_runs.h"

namespace lq::testing {
namespace {

class AccumulationTest : public TrainerTest {};

/// Fully connected, and nothing that one part of a batch could tell the next.
class LinearNet final : public Module {
 public:
  LinearNet() {
    weight_ = add_parameter("weight", {3, 128}, Initializer::variance_scaling(128), true);
    bias_ = add_parameter("bias", {3}, Initializer::zeros());
  }

 protected:
  Variable forward(const Variable& x) override {
    return autograd::linear(autograd::reshape(x, {x.shape()[0], 128}), weight_, bias_);
  }

 private:
  Variable weight_;
  Variable bias_;
};

TEST_F(AccumulationTest, PartsOfABatchAddUpToIt) {
  const TemporaryFolder folder;
  std::vector<std::vector<nlohmann::json>> steps;
  for (const std::int64_t accumulation : {1, 2, 8}) {
    const std::filesystem::path run = folder / fmt::format("run{}", accumulation);
    TrainerOptions options = tiny_options(run);
    options.recipe.accumulation = accumulation;
    LinearNet model;
    const TrainingResult result = Trainer(model, tiny_data(), options).run();
    EXPECT_EQ(result.steps, 3 * tiny_steps_per_epoch);
    steps.push_back(metrics_in(run, "step"));
    ASSERT_EQ(std::ssize(steps.back()), 3 * tiny_steps_per_epoch);
  }
  for (std::size_t i = 0; i < steps[0].size(); ++i) {
    for (const std::size_t other : {1U, 2U}) {
      // Gradients are rounded in parts; 39 steps add up what that changes.
      EXPECT_NEAR(steps[other][i]["loss"], steps[0][i]["loss"].get<double>(), 2e-5) << i;
      EXPECT_EQ(steps[other][i]["learning_rate"], steps[0][i]["learning_rate"]);
    }
  }
}

TEST_F(AccumulationTest, ResumesWithinAnEpochOfBatchesInParts) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "whole");
  options.recipe.accumulation = 4;
  train(options);

  options.output = folder / "halves";
  options.stop_requested = [count = 0]() mutable { return ++count == 17; };
  EXPECT_EQ(train(options).steps, 17);
  options.stop_requested = nullptr;
  options.resume = true;
  train(options);
  expect_same_run(folder / "whole", folder / "halves");
}

TEST_F(AccumulationTest, RefusesMoreImagesPerStepThanThereAre) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.recipe.batch = 108;
  options.recipe.accumulation = 2;
  EXPECT_TRUE(throws_error([&] { train(options); },
                           "train: the data set has 106 images, expected at least one full batch "
                           "of 108"));
}

}  // namespace
}  // namespace lq::testing
