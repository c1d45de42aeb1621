#include "bench/training_step.h"

#include <gtest/gtest.h>

#include "core/tensor.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

bench::TrainingStepOptions tiny() {
  return {.model = "small-cnn",
          .network = {.w_bits = 2, .a_bits = 2, .input = {8, 8, 3}},
          .batch = 3,
          .steps = 4,
          .warm_up = 1};
}

TEST(TrainingStepTest, NumbersAgreeWithOneAnother) {
  const bench::TrainingStepTiming timing = bench::time_training_steps(tiny());
  for (const bench::StepTiming& step : {timing.quantized, timing.floating}) {
    EXPECT_GT(step.step_ms, 0);
    EXPECT_DOUBLE_EQ(step.images_per_s, 3000 / step.step_ms);
  }
  EXPECT_DOUBLE_EQ(timing.step_ratio, timing.quantized.step_ms / timing.floating.step_ms);
}

TEST(TrainingStepTest, PeakCountsTheNetworkAndItsStepOnly) {
  // conv0 has 8 channels of 8 x 8 per image: its result alone takes this much.
  const std::int64_t one_map = 3 * 8 * 8 * 8 * 4;
  const Tensor somebody_elses = Tensor::zeros({1 << 20});
  const bench::TrainingStepTiming timing = bench::time_training_steps(tiny());
  for (const bench::StepTiming& step : {timing.quantized, timing.floating}) {
    EXPECT_GT(step.peak_bytes, 2 * one_map);
    EXPECT_LT(step.peak_bytes, 1 << 20);
  }
}

TEST(TrainingStepTest, BitForwardHoldsLess) {
  // Deep enough for the tape to outweigh what a single layer needs while it works.
  bench::TrainingStepOptions options = tiny();
  options.model = "resnet20";
  options.network.input = {16, 16, 3};
  options.batch = 32;
  options.steps = 1;
  const std::int64_t floats = bench::time_training_steps(options).quantized.peak_bytes;
  options.network.bit_forward = true;
  const std::int64_t codes = bench::time_training_steps(options).quantized.peak_bytes;
  // Of two maps per layer on the tape, the input of the batch norm stays in floats and that of the
  // convolution becomes an eighth or less. Weights, their gradients and velocities stay as well.
  EXPECT_LT(codes, floats * 3 / 4);
}

TEST(TrainingStepTest, RefusesOptionsOutOfRange) {
  bench::TrainingStepOptions options = tiny();
  options.steps = 0;
  EXPECT_TRUE(throws_error([&] { bench::time_training_steps(options); }, "steps is 0"));
  options = tiny();
  options.batch = 0;
  EXPECT_TRUE(throws_error([&] { bench::time_training_steps(options); }, "batch is 0"));
  options = tiny();
  options.model = "lenet";
  EXPECT_TRUE(throws_error([&] { bench::time_training_steps(options); }, "'lenet'"));
}

}  // namespace
}  // namespace lq::testing
