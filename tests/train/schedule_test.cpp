#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

// Formulas are evaluated in double by other expressions than the code's: a few roundings.
constexpr double rounding = 1e-15;

TEST(ScheduleTest, MultiStepActsAfterTheBoundaryEpochCompletes) {
  // CIFAR-10 ResNet-20 of the supplement: 0.1, divided by 10 at 82 and 123 of 200 epochs.
  const Schedule schedule{.base_rate = 0.1, .decay = MultiStepDecay{.boundaries = {82, 123}}};
  for (std::int64_t epoch = 0; epoch < 200; ++epoch) {
    const double expected = epoch < 82 ? 0.1 : epoch < 123 ? 0.01 : 0.001;
    for (std::int64_t step : {0, 195, 389}) {
      EXPECT_EQ(learning_rate(schedule, {epoch, step, 200, 390}), expected) << "epoch " << epoch;
    }
  }
}

TEST(ScheduleTest, MultiStepIsTheSameUnderEitherUnit) {
  const Schedule schedule{.base_rate = 0.02,
                          .decay = MultiStepDecay{.boundaries = {1, 3}, .divide_by = 2.0},
                          .unit = ScheduleUnit::step};
  const double expected[] = {0.02, 0.01, 0.01, 0.005};
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    for (std::int64_t step = 0; step < 3; ++step) {
      EXPECT_EQ(learning_rate(schedule, {epoch, step, 4, 3}), expected[epoch]);
    }
  }
}

TEST(ScheduleTest, BoundariesBeyondTheRunAreNotReached) {
  const Schedule schedule{.base_rate = 0.1, .decay = MultiStepDecay{.boundaries = {82, 123}}};
  EXPECT_EQ(learning_rate(schedule, {2, 9, 3, 10}), 0.1);
}

TEST(ScheduleTest, LinearDecayPerStep) {
  const Schedule schedule{
      .base_rate = 1.0, .decay = PolynomialDecay{.end_rate = 0.5}, .unit = ScheduleUnit::step};
  // 2 epochs of 4 steps: 1 - 0.5 * s / 8.
  for (std::int64_t s = 0; s < 8; ++s) {
    EXPECT_NEAR(learning_rate(schedule, {s / 4, s % 4, 2, 4}),
                1.0 - 0.0625 * static_cast<double>(s), rounding);
  }
}

TEST(ScheduleTest, PolynomialDecayPerEpochHoldsTheRateWithinAnEpoch) {
  const Schedule schedule{.base_rate = 1.0, .decay = PolynomialDecay{.power = 2.0}};
  const double expected[] = {1.0, 0.5625, 0.25, 0.0625};  // (1 - e/4)^2
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    for (std::int64_t step = 0; step < 5; ++step) {
      EXPECT_NEAR(learning_rate(schedule, {epoch, step, 4, 5}), expected[epoch], rounding);
    }
  }
}

TEST(ScheduleTest, CosineDecay) {
  Schedule schedule{
      .base_rate = 0.3, .decay = CosineDecay{.end_rate = 0.1}, .unit = ScheduleUnit::step};
  const double half_root = std::sqrt(0.5);  // cos(pi/4)
  const double expected[] = {0.3, 0.2 + 0.1 * half_root, 0.2, 0.2 - 0.1 * half_root};
  for (std::int64_t step = 0; step < 4; ++step) {
    EXPECT_NEAR(learning_rate(schedule, {0, step, 1, 4}), expected[step], rounding);
  }
  schedule.unit = ScheduleUnit::epoch;
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    EXPECT_NEAR(learning_rate(schedule, {epoch, 6, 4, 7}), expected[epoch], rounding);
  }
}

TEST(ScheduleTest, WarmUpClimbsALineThatMeetsTheBaseRate) {
  // 2 epochs of 6 steps, half an epoch of warm-up: 3 steps up, then linear over the other 9.
  const Schedule schedule{.base_rate = 0.4,
                          .decay = PolynomialDecay{},
                          .unit = ScheduleUnit::step,
                          .warmup_epochs = 0.5};
  const double expected[] = {0.1,       0.2,       0.3,       0.4,       3.2 / 9.0, 2.8 / 9.0,
                             2.4 / 9.0, 2.0 / 9.0, 1.6 / 9.0, 1.2 / 9.0, 0.8 / 9.0, 0.4 / 9.0};
  for (std::int64_t s = 0; s < 12; ++s) {
    EXPECT_NEAR(learning_rate(schedule, {s / 6, s % 6, 2, 6}), expected[s], rounding) << s;
  }
}

TEST(ScheduleTest, WarmUpPerEpochDoesNotMoveBoundaries) {
  const Schedule schedule{
      .base_rate = 0.3, .decay = MultiStepDecay{.boundaries = {3}}, .warmup_epochs = 2.0};
  const double expected[] = {0.1, 0.2, 0.3, 0.03, 0.03};
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    EXPECT_NEAR(learning_rate(schedule, {epoch, 0, 5, 3}), expected[epoch], rounding);
  }
}

TEST(ScheduleTest, WarmUpLongerThanTheRunNeverReachesTheBaseRate) {
  const Schedule schedule{.base_rate = 1.0, .decay = CosineDecay{}, .warmup_epochs = 3.0};
  EXPECT_NEAR(learning_rate(schedule, {0, 0, 2, 1}), 0.25, rounding);
  EXPECT_NEAR(learning_rate(schedule, {1, 0, 2, 1}), 0.5, rounding);
}

TEST(ScheduleTest, AllButMultiStepDependOnTheEpochsOfTheRun) {
  for (const Schedule& schedule :
       {Schedule{.decay = MultiStepDecay{.boundaries = {1}}}, Schedule{.decay = PolynomialDecay{}},
        Schedule{.decay = CosineDecay{}}}) {
    const bool changes =
        learning_rate(schedule, {2, 0, 4, 1}) != learning_rate(schedule, {2, 0, 5, 1});
    EXPECT_EQ(depends_on_epochs(schedule), changes);
  }
}

TEST(ScheduleTest, RefusesPositionsOutsideOfTheRun) {
  const Schedule schedule;
  EXPECT_THROW(learning_rate(schedule, {3, 0, 3, 10}), Error);
  EXPECT_THROW(learning_rate(schedule, {-1, 0, 3, 10}), Error);
  EXPECT_THROW(learning_rate(schedule, {0, 10, 3, 10}), Error);
  EXPECT_THROW(learning_rate(schedule, {0, 0, 3, 0}), Error);
}

TEST(ScheduleTest, ValidateNamesTheFieldOutOfRange) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto refuses = [](const Schedule& schedule, std::string_view message) {
    return throws_error([&] { validate(schedule); }, message);
  };
  EXPECT_NO_THROW(validate({}));
  EXPECT_TRUE(refuses({.base_rate = 0.0}, "schedule: base_rate is 0, expected more than 0"));
  EXPECT_TRUE(refuses({.base_rate = infinity}, "schedule: base_rate is inf, expected more than 0"));
  EXPECT_TRUE(
      refuses({.warmup_epochs = -1.0}, "schedule: warmup_epochs is -1, expected 0 to 16777216"));
  EXPECT_TRUE(refuses({.warmup_epochs = 1e30}, "schedule: warmup_epochs is 1e+30, expected 0 to"));
  EXPECT_TRUE(refuses({.decay = PolynomialDecay{.power = 0.0}},
                      "schedule: power is 0, expected more than 0"));
  EXPECT_TRUE(refuses({.decay = CosineDecay{.end_rate = -0.5}},
                      "schedule: end_rate is -0.5, expected at least 0"));
  EXPECT_TRUE(refuses({.decay = MultiStepDecay{.divide_by = 0.5}},
                      "schedule: divide_by is 0.5, expected at least 1"));
  const std::string_view boundaries =
      "schedule: boundaries must be strictly increasing epochs from 1 on";
  EXPECT_TRUE(refuses({.decay = MultiStepDecay{.boundaries = {82, 82}}}, boundaries));
  EXPECT_TRUE(refuses({.decay = MultiStepDecay{.boundaries = {123, 82}}}, boundaries));
  EXPECT_TRUE(refuses({.decay = MultiStepDecay{.boundaries = {0}}}, boundaries));
}

}  // namespace
}  // namespace lq::testing
