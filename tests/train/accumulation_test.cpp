// Batches that are computed in parts.

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <memory>

#include "data/source_image.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "tests/support/defective_images.h"
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

using Steps = std::vector<nlohmann::json>;

/// The steps that `train` makes with batches in so many parts, for each of these numbers.
std::vector<Steps> steps_in_parts(std::initializer_list<std::int64_t> numbers,
                                  const std::function<void(TrainerOptions)>& train) {
  const TemporaryFolder folder;
  std::vector<Steps> steps;
  for (const std::int64_t accumulation : numbers) {
    TrainerOptions options = tiny_options(folder / fmt::format("run{}", accumulation));
    options.recipe.accumulation = accumulation;
    train(options);
    steps.push_back(metrics_in(options.output, "step"));
  }
  return steps;
}

void expect_same_losses(const Steps& actual, const Steps& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(actual[i]["loss"], expected[i]["loss"].get<double>(), tolerance) << i;
  }
}

TEST_F(AccumulationTest, PartsOfABatchAddUpToIt) {
  const auto steps = steps_in_parts({1, 2, 8}, [](const TrainerOptions& options) {
    LinearNet model;
    const TrainingResult result = Trainer(model, tiny_data(), options).run();
    EXPECT_EQ(result.steps, 3 * tiny_steps_per_epoch);
  });
  ASSERT_EQ(std::ssize(steps[0]), 3 * tiny_steps_per_epoch);
  for (const std::size_t other : {1U, 2U}) {
    // Gradients are rounded in parts; 39 steps add up what that changes.
    expect_same_losses(steps[other], steps[0], 2e-5);
    for (std::size_t i = 0; i < steps[0].size(); ++i) {
      EXPECT_EQ(steps[other][i]["learning_rate"], steps[0][i]["learning_rate"]);
    }
  }
}

/// Quantized, but not normalized: each part of a batch would have a mean of its own.
class QuantizedNet final : public Module {
 public:
  QuantizedNet() {
    const Quantization quantization{.kind = "lq", .w_bits = 2, .a_bits = 3};
    quantizer_ = &adopt("input_quant", make_activation_quantizer(quantization));
    conv_ = &add<QuantConv2d>("conv", Conv2dSpec{.in = 2, .out = 8}.strided(2), quantization);
    linear_ = &add<Linear>("fc", 128, 3);
  }

 protected:
  Variable forward(const Variable& x) override {
    const Variable features = autograd::relu((*conv_)((*quantizer_)(autograd::relu(x))));
    return (*linear_)(autograd::reshape(features, {x.shape()[0], 128}));
  }

 private:
  Module* quantizer_;
  Module* conv_;
  Module* linear_;
};

TEST_F(AccumulationTest, QuantizersLearnFromWholeBatches) {
  const auto steps = steps_in_parts({1, 4}, [](TrainerOptions options) {
    options.recipe.schedule.base_rate = 0.05;
    options.recipe.epochs = 1;
    QuantizedNet model;
    Trainer(model, tiny_data(), options).run();
  });
  ASSERT_EQ(std::ssize(steps[0]), tiny_steps_per_epoch);
  // A weight that rounding takes over a threshold changes by a whole level.
  expect_same_losses(steps[1], steps[0], 2e-3);
}

/// Trains where images that `is_damaged` names cannot be read.
void train_on_damaged(const TrainerOptions& options,
                      const std::function<bool(std::int64_t)>& is_damaged) {
  DatasetSplits data = tiny_data();
  bool is_training = false;  // the mean image is made of all of them, before any training
  data.train = std::make_shared<DefectiveImages>(data.train, [&](std::int64_t index) {
    if (is_training && is_damaged(index)) throw UnreadableImage(fmt::format("{}: damaged", index));
  });
  LinearNet model;
  Trainer trainer(model, data, options);
  is_training = true;
  trainer.run();
}

TEST_F(AccumulationTest, PartsThatLackImagesCountByTheImagesTheyHave) {
  const auto steps = steps_in_parts({1, 4}, [](const TrainerOptions& options) {
    train_on_damaged(options, [](std::int64_t index) { return index % 3 == 0; });
  });
  ASSERT_EQ(std::ssize(steps[0]), 3 * tiny_steps_per_epoch);
  expect_same_losses(steps[1], steps[0], 2e-5);
}

TEST_F(AccumulationTest, AnEpochWithoutAnImageIsAnErrorThoughABatchIsLeftOver) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.recipe.batch = 10;
  options.recipe.accumulation = 2;  // 21 batches of 5, of which the last is no step
  const auto all = [](std::int64_t) { return true; };
  const std::int64_t first = shuffled_order(106, options.recipe.seed, 0).front();
  EXPECT_TRUE(throws_error([&] { train_on_damaged(options, all); },
                           fmt::format("train: none of the images of an epoch could be read; the "
                                       "first: {}: damaged",
                                       first)));
}

TEST_F(AccumulationTest, ResumesWithinAnEpochOfBatchesInParts) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "whole");
  options.recipe.accumulation = 4;
  train(options);

  options.output = folder / "halves";
  // The evaluation of the first epoch asks, too, after each of its batches of 2.
  options.stop_requested = [count = 0]() mutable { return ++count == 17 + 15; };
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
