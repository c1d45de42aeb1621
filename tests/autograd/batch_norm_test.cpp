#include "autograd/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/stream.h"
#include "kernels/level_table/level_table.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using autograd::batch_norm;
using autograd::BatchNormOptions;
using autograd::BatchNormState;
using autograd::FusedActivation;
using autograd::LevelStatistics;
using autograd::LevelTable;
using autograd::NoGradScope;
using autograd::RecordMode;
using autograd::RecordModeScope;
using autograd::Variable;

constexpr double float_epsilon = std::numeric_limits<float>::epsilon();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Float gradients of sums of some ten to a hundred terms of size one against differences in
/// double.
constexpr GradientCheckOptions float_gradient{.step = 1e-5, .tolerance = 2e-5};

BatchNormState state_of(std::int64_t channels, std::uint64_t seed) {
  return {Variable(random_normal({channels}, seed, 1.0, 0.3), true),
          Variable(random_normal({channels}, seed + 1, 0.0, 0.3), true), Tensor::zeros({channels}),
          Tensor::full({channels}, 1.0F)};
}

BatchNormState state_per_layer() { return {{}, {}, Tensor::zeros({1}), Tensor::full({1}, 1.0F)}; }

/// Levels 0, 0.5, 1, 1.5.
LevelTable activation_table() {
  LevelTable table(1, 4, Device{});
  Stream stream;
  const Tensor basis = Tensor::from(std::vector{0.5F, 1.0F}, {1, 2});
  kernels::make_level_table(stream, basis.view<float>(), kernels::CodeAlphabet::zero_one,
                            {table.levels.view<float>(), table.thresholds.view<float>(),
                             table.codes.view<std::uint8_t>(), table.pass_range.view<float>()});
  return table;
}

/// A plain batch norm in double over rows of `channels` values.
struct PlainBatchNorm {
  std::int64_t channels;
  double epsilon = 1e-5;
  /// Empty: statistics of the batch.
  std::vector<double> fixed_mean, fixed_variance;

  std::vector<double> operator()(const std::vector<double>& x, const std::vector<double>& gamma,
                                 const std::vector<double>& beta) const {
    const std::int64_t rows = std::ssize(x) / channels;
    std::vector<double> z(x.size());
    for (std::int64_t c = 0; c < channels; ++c) {
      double mean = 0, variance = 0;
      for (std::int64_t m = 0; m < rows; ++m) {
        mean += x[m * channels + c] / static_cast<double>(rows);
      }
      for (std::int64_t m = 0; m < rows; ++m) {
        variance += std::pow(x[m * channels + c] - mean, 2) / static_cast<double>(rows);
      }
      if (!fixed_mean.empty()) {
        mean = fixed_mean[c];
        variance = fixed_variance[c];
      }
      for (std::int64_t m = 0; m < rows; ++m) {
        const double normal = (x[m * channels + c] - mean) / std::sqrt(variance + epsilon);
        z[m * channels + c] =
            (gamma.empty() ? 1.0 : gamma[c]) * normal + (beta.empty() ? 0.0 : beta[c]);
      }
    }
    return z;
  }
};

/// What the straight-through estimator claims to be the output: min(relu(z), top).
std::vector<double> surrogate(std::vector<double> z, bool relu, double top) {
  for (double& value : z) value = std::min(relu ? std::max(value, 0.0) : value, top);
  return z;
}

/// Whether every value is further from the kinks of the surrogate than any difference reaches.
bool away_from_kinks(const std::vector<double>& z) {
  return std::ranges::all_of(
      z, [](double value) { return std::abs(value) > 1e-3 && std::abs(value - 1.5) > 1e-3; });
}

TEST(BatchNormAutogradTest, GradientsMatchCentralDifferences) {
  const Shape shape{2, 3, 2, 5};
  const LevelTable table = activation_table();
  for (const bool training : {true, false}) {
    for (const bool relu : {false, true}) {
      for (const bool quantized : {false, true}) {
        SCOPED_TRACE(::testing::Message() << "training " << training << ", relu " << relu
                                          << ", quantized " << quantized);
        Variable x(random_normal(shape, 21, 0.4, 1.5), true);
        BatchNormState state = state_of(5, 2);
        state.running_mean = random_normal({5}, 4);
        state.running_variance = random_uniform({5}, 5, 0.5F, 2.0F);
        PlainBatchNorm plain{.channels = 5};
        if (!training) {
          plain.fixed_mean = to_double(state.running_mean);
          plain.fixed_variance = to_double(state.running_variance);
        }
        const auto xs = to_double(x.value()), gammas = to_double(state.gamma.value()),
                   betas = to_double(state.beta.value());
        ASSERT_TRUE(away_from_kinks(plain(xs, gammas, betas)));

        const Tensor grad_y = random_normal(shape, 6);
        FusedActivation activation{.relu = relu};
        if (quantized) activation.table = &table;
        batch_norm(x, state, {.training = training}, activation).backward(grad_y);

        const auto loss = [&](const auto& x_, const auto& gamma_, const auto& beta_) {
          return weighted_sum(to_double(grad_y), surrogate(plain(x_, gamma_, beta_), relu,
                                                           quantized ? 1.5 : infinity));
        };
        EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(v, gammas, betas); }, xs,
                                     to_double(x.gradient()), float_gradient));
        EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(xs, v, betas); }, gammas,
                                     to_double(state.gamma.gradient()), float_gradient));
        EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(xs, gammas, v); }, betas,
                                     to_double(state.beta.gradient()), float_gradient));
      }
    }
  }
}

TEST(BatchNormAutogradTest, PerLayerFormHasOneMeanAndVariance) {
  const Shape shape{3, 1, 1, 7};
  Variable x(random_normal(shape, 1, 2.0, 3.0), true);
  BatchNormState state = state_per_layer();
  const Tensor grad_y = random_normal(shape, 2);
  Variable y = batch_norm(x, state, {.per_layer = true}, {.relu = true});
  y.backward(grad_y);

  const PlainBatchNorm plain{.channels = 1};
  const auto xs = to_double(x.value());
  ASSERT_TRUE(away_from_kinks(plain(xs, {}, {})));
  EXPECT_TRUE(all_close(y.value().span<float>(), surrogate(plain(xs, {}, {}), true, infinity), 0,
                        8 * float_epsilon));
  const auto loss = [&](const auto& v) {
    return weighted_sum(to_double(grad_y), surrogate(plain(v, {}, {}), true, infinity));
  };
  EXPECT_TRUE(gradient_matches(loss, xs, to_double(x.gradient()), float_gradient));
  EXPECT_EQ(state.running_mean.shape(), (Shape{1}));
}

TEST(BatchNormAutogradTest, TrainingMovesTheRunningStatisticsAndEvaluationUsesThem) {
  const Variable x(random_normal({4, 2, 2, 3}, 1, 1.0, 2.0));
  BatchNormState state = state_of(3, 2);
  batch_norm(x, state, {.decay = 0.75});
  const auto xs = to_double(x.value());
  for (std::int64_t c = 0; c < 3; ++c) {
    double mean = 0, squares = 0;
    for (std::int64_t m = 0; m < 16; ++m) mean += xs[m * 3 + c] / 16;
    for (std::int64_t m = 0; m < 16; ++m) squares += std::pow(xs[m * 3 + c] - mean, 2);
    EXPECT_NEAR(state.running_mean.data<float>()[c], 0.25 * mean, 4 * float_epsilon);
    EXPECT_NEAR(state.running_variance.data<float>()[c], 0.75 + 0.25 * squares / 15,
                16 * float_epsilon);
  }
  const Tensor mean = state.running_mean.clone(), variance = state.running_variance.clone();
  const Variable y = batch_norm(x, state, {.training = false});
  EXPECT_TRUE(all_close(state.running_mean.span<float>(), mean.span<float>(), 0, 0));
  EXPECT_TRUE(all_close(state.running_variance.span<float>(), variance.span<float>(), 0, 0));
  PlainBatchNorm plain{.channels = 3};
  plain.fixed_mean = to_double(mean);
  plain.fixed_variance = to_double(variance);
  EXPECT_TRUE(all_close(y.value().span<float>(),
                        plain(xs, to_double(state.gamma.value()), to_double(state.beta.value())), 0,
                        1e-5));
}

TEST(BatchNormAutogradTest, GathersStatisticsOfWhatItQuantizes) {
  const Variable x(random_normal({50, 3}, 1));
  const LevelTable table = activation_table();
  LevelStatistics statistics(table, /*counts_and_sums=*/true);
  BatchNormState state = state_of(3, 2);
  const Variable y =
      batch_norm(x, state, {}, {.relu = true, .table = &table, .statistics = &statistics});
  std::vector<std::int64_t> counts(4, 0);
  for (const float value : y.value().span<float>()) counts[std::lround(value / 0.5F)] += 1;
  EXPECT_TRUE(all_close(statistics.counts.span<std::int64_t>(), counts, 0, 0));
  EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], 0);
}

TEST(BatchNormAutogradTest, GradientsOfTwoWalksAddUp) {
  Variable x(random_normal({6, 4}, 1), true);
  BatchNormState state = state_of(4, 2);
  const Tensor grad_y = random_normal({6, 4}, 4);
  batch_norm(x, state, {}).backward(grad_y);
  const auto once_x = to_double(x.gradient()), once_gamma = to_double(state.gamma.gradient()),
             once_beta = to_double(state.beta.gradient());
  batch_norm(x, state, {}).backward(grad_y);
  const auto expect_twice = [](const Variable& variable, const std::vector<double>& once) {
    for (std::size_t i = 0; i < once.size(); ++i) {
      EXPECT_EQ(variable.gradient().span<float>()[i], static_cast<float>(2 * once[i]));
    }
  };
  expect_twice(x, once_x);
  expect_twice(state.gamma, once_gamma);
  expect_twice(state.beta, once_beta);
}

TEST(BatchNormAutogradTest, OnlyWantedGradientsAreMade) {
  Variable x(random_normal({6, 4}, 1));
  BatchNormState state = state_of(4, 2);
  state.beta = Variable(state.beta.value());
  batch_norm(x, state, {}).backward(random_normal({6, 4}, 4));
  EXPECT_FALSE(x.has_gradient());
  EXPECT_TRUE(state.gamma.has_gradient());
  EXPECT_FALSE(state.beta.has_gradient());
}

TEST(BatchNormAutogradTest, SavesItsInputAndNoIntermediateResult) {
  Variable x(random_normal({6, 4}, 1), true);
  BatchNormState state = state_of(4, 2);
  const LevelTable table = activation_table();
  {
    const Variable y = batch_norm(x, state, {}, {.relu = true, .table = &table});
    EXPECT_TRUE(x.value().is_shared());
    EXPECT_FALSE(y.value().is_shared());
  }
  EXPECT_FALSE(x.value().is_shared());
  const NoGradScope no_tape;
  const Variable y = batch_norm(x, state, {}, {.relu = true, .table = &table});
  EXPECT_FALSE(x.value().is_shared());
}

TEST(BatchNormAutogradTest, LeavesARecordWithItsAttributes) {
  const RecordModeScope trace(RecordMode::trace);
  BatchNormState state = state_of(4, 2);
  const LevelTable table = activation_table();
  const Variable x(random_normal({6, 4}, 1));
  const auto records = autograd::records_of(
      batch_norm(x, state, {.epsilon = 1e-3}, {.relu = true, .table = &table}));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]->operation, "batch_norm");
  EXPECT_EQ(records[0]->inputs.size(), 3U);
  const autograd::Attributes expected{{"epsilon", 1e-3},
                                      {"per_layer", std::int64_t{0}},
                                      {"relu", std::int64_t{1}},
                                      {"quantize", std::int64_t{1}}};
  EXPECT_EQ(records[0]->attributes, expected);
}

TEST(BatchNormAutogradTest, RefusesWhatDoesNotFit) {
  BatchNormState state = state_of(3, 2);
  const auto refused = [&](const Shape& shape, const BatchNormOptions& options,
                           std::string_view message) {
    return throws_error([&] { batch_norm(Variable(Tensor::zeros(shape)), state, options); },
                        message);
  };
  EXPECT_TRUE(refused({3}, {}, "batch_norm: input 3, expected N H W C or N C"));
  EXPECT_TRUE(refused({2, 0}, {}, "batch_norm: input 2x0, expected N H W C or N C"));
  EXPECT_TRUE(refused({0, 3}, {}, "batch_norm: input 0x3"));
  EXPECT_TRUE(refused({2, 4}, {}, "expected 4"));
  EXPECT_TRUE(refused({2, 4}, {.training = false}, "expected 4"));
  EXPECT_TRUE(refused({2, 3}, {.per_layer = true}, "the per-layer form has no gamma and beta"));
  state.beta = {};
  EXPECT_TRUE(refused({2, 3}, {}, "gamma and beta are both needed, or neither"));
}

}  // namespace
}  // namespace lq::testing
