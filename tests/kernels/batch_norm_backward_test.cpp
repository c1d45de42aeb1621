// Gradients of normalization, with what follows it in the same pass.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

#include "tests/kernels/batch_norm_problem.h"
#include "tests/support/compare.h"
#include "tests/support/gradient_check.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

/// The closed formulas, in long double, with the size of the terms that make them up.
struct ExactGradients {
  std::vector<Exact> x, x_size, gamma, gamma_size, beta, beta_size;

  ExactGradients(const Problem& problem, const std::vector<Exact>& grad_z, bool batch_statistics)
      : x(grad_z.size()),
        x_size(grad_z.size()),
        gamma(problem.channels()),
        gamma_size(problem.channels()),
        beta(problem.channels()),
        beta_size(problem.channels()) {
    const std::int64_t channels = problem.channels();
    // Size of the normalised value as computed from terms that may cancel.
    const auto normal_size = [&](std::int64_t i) {
      const std::int64_t c = i % channels;
      return (std::abs(problem.x.data<float>()[i]) + std::abs(problem.mean.data<float>()[c])) *
             problem.inverse_deviation(c);
    };
    for (std::int64_t i = 0; i < std::ssize(grad_z); ++i) {
      const std::int64_t c = i % channels;
      beta[c] += grad_z[i];
      beta_size[c] += std::abs(grad_z[i]);
      gamma[c] += grad_z[i] * problem.normal(i);
      gamma_size[c] += std::abs(grad_z[i]) * normal_size(i);
    }
    const Exact weight = batch_statistics ? 1 / static_cast<Exact>(problem.rows()) : 0;
    for (std::int64_t i = 0; i < std::ssize(grad_z); ++i) {
      const std::int64_t c = i % channels;
      const Exact scale = problem.gamma_of(c) * problem.inverse_deviation(c);
      x[i] = scale * (grad_z[i] - weight * (beta[c] + problem.normal(i) * gamma[c]));
      x_size[i] = std::abs(scale) *
                  (std::abs(grad_z[i]) + weight * (beta_size[c] + normal_size(i) * gamma_size[c]));
    }
  }
};

class BatchNormBackwardTest : public BatchNormBackendTest {
 protected:
  void expect_backward(const Problem& problem, const Activation& activation, bool batch_statistics,
                       std::uint64_t seed);
};

void BatchNormBackwardTest::expect_backward(const Problem& problem, const Activation& activation,
                                            bool batch_statistics, std::uint64_t seed) {
  SCOPED_TRACE(problem.x.shape().to_string() + ", " + activation.name() +
               (batch_statistics ? ", statistics of the batch" : ", fixed statistics"));
  const Tensor range = Tensor::from(std::vector{-0.5F, 1.25F}, {1, 2}, stream.device());
  Tensor grad_y = random_normal(problem.x.shape(), seed);
  std::vector<Exact> grad_z(grad_y.elements());
  std::vector<float> kinks;
  if (activation.relu) kinks.push_back(0.0F);
  if (activation.table) kinks.insert(kinks.end(), {-0.5F, 1.25F});
  for (std::int64_t i = 0; i < grad_y.elements(); ++i) {
    const Exact z = problem.z(i);
    // Where rounding decides whether the gradient passes, there is none to pass.
    const bool undecided = std::ranges::any_of(
        kinks, [&](float kink) { return std::abs(z - kink) <= problem.slack(i); });
    if (undecided) grad_y.data<float>()[i] = 0.0F;
    const bool passes =
        (!activation.relu || z > 0) && (!activation.table || (z > Exact{-0.5} && z <= Exact{1.25}));
    grad_z[i] = passes ? grad_y.data<float>()[i] : 0.0F;
  }
  BatchNormBackwardOptions options{.relu = activation.relu, .batch_statistics = batch_statistics};
  if (activation.table) options.pass_range = range.view<float>();
  const auto run = [&](const BatchNormGradients& gradients) {
    kernels::batch_norm_backward(stream, on(stream, std::as_const(grad_y)), on(stream, problem.x),
                                 on(stream, problem), options, gradients);
  };

  const ExactGradients exact(problem, grad_z, batch_statistics);
  // Sums of 64 values in single precision, and a few roundings behind them.
  constexpr double relative = rounding * (longest_float_sum + 16);
  const auto expect_close = [&](const Tensor& actual, const std::vector<Exact>& expected,
                                const std::vector<Exact>& size, const char* what) {
    for (std::int64_t i = 0; i < actual.elements(); ++i) {
      ASSERT_TRUE(is_near(actual.data<float>()[i], expected[i], relative * size[i]))
          << what << ' ' << i;
    }
  };
  Gradients written(problem);
  run(on(stream, written, GradientMode::overwrite));
  expect_close(written.x, exact.x, exact.x_size, "gradient of x");
  expect_close(written.gamma, exact.gamma, exact.gamma_size, "gradient of gamma");
  expect_close(written.beta, exact.beta, exact.beta_size, "gradient of beta");
}

TEST_P(BatchNormBackwardTest, BackwardWithEveryActivation) {
  std::uint64_t seed = 100;
  for (const std::int64_t channels : channel_counts) {
    for (const std::int64_t rows : {2, 5, 63, 300}) {
      if (rows * channels > most_elements) continue;
      Problem problem({rows, channels}, seed += 10, rows != 5);
      for (const Activation& activation : activations) {
        expect_backward(problem, activation, false, seed);
      }
      problem.use_batch_statistics(stream);
      for (const Activation& activation : activations) {
        expect_backward(problem, activation, true, seed);
      }
    }
  }
  Problem chunks({10'000, 7}, 101);  // more than one chunk of work
  chunks.use_batch_statistics(stream);
  expect_backward(chunks, {.relu = true, .table = true}, true, 102);
}

TEST_P(BatchNormBackwardTest, BackwardOfOneRow) {
  // Each value is its own mean: y is beta, whatever x.
  Problem problem({1, 17}, 110);
  problem.use_batch_statistics(stream);
  EXPECT_TRUE(all_close(problem.variance.span<float>(), std::vector<float>(17, 0.0F), 0, 0));
  expect_backward(problem, activations[0], true, 111);
  expect_backward(problem, activations[0], false, 112);
}

TEST_P(BatchNormBackwardTest, GradientModesAreIndependent) {
  const Problem problem({50, 3}, 120);
  const Tensor grad_y = random_normal(problem.x.shape(), 121);
  const auto run = [&](const BatchNormGradients& views) {
    kernels::batch_norm_backward(stream, on(stream, grad_y), on(stream, problem.x),
                                 on(stream, problem), {.relu = true}, views);
  };
  Gradients written(problem);
  run(on(stream, written, GradientMode::overwrite));

  constexpr GradientMode modes[] = {GradientMode::ignore, GradientMode::overwrite,
                                    GradientMode::accumulate};
  const auto expect_delivered = [](const Tensor& actual, const Tensor& start,
                                   const Tensor& gradient, GradientMode mode, const char* what) {
    for (std::int64_t i = 0; i < actual.elements(); ++i) {
      const float before = mode == GradientMode::accumulate ? start.data<float>()[i] : 0.0F;
      ASSERT_EQ(actual.data<float>()[i], before + gradient.data<float>()[i]) << what << ' ' << i;
    }
  };
  for (const GradientMode x_mode : modes) {
    for (const GradientMode gamma_mode : modes) {
      for (const GradientMode beta_mode : modes) {
        const Tensor start_x = random_normal(problem.x.shape(), 122);
        const Tensor start_gamma = random_normal({3}, 123), start_beta = random_normal({3}, 124);
        Tensor x = start_x.clone(), gamma = start_gamma.clone(), beta = start_beta.clone();
        BatchNormGradients views{
            .x_mode = x_mode, .gamma_mode = gamma_mode, .beta_mode = beta_mode};
        {
          auto staged_x = on(stream, x), staged_gamma = on(stream, gamma),
               staged_beta = on(stream, beta);
          if (x_mode != GradientMode::ignore) views.x = staged_x;
          if (gamma_mode != GradientMode::ignore) views.gamma = staged_gamma;
          if (beta_mode != GradientMode::ignore) views.beta = staged_beta;
          run(views);
        }
        if (views.x) expect_delivered(x, start_x, written.x, x_mode, "x");
        if (views.gamma) expect_delivered(gamma, start_gamma, written.gamma, gamma_mode, "gamma");
        if (views.beta) expect_delivered(beta, start_beta, written.beta, beta_mode, "beta");
      }
    }
  }
}

// ---- Against central differences of a second, plain implementation in double

/// sum of weights * surrogate of batch norm's output: continuous where the quantizer is not, with
/// the gradient that the straight-through estimator claims.
struct SurrogateLoss {
  std::int64_t rows, channels;
  std::vector<double> weights;
  bool relu;
  double top;  // infinite: no quantizer
  double epsilon = 1e-5;

  double operator()(const std::vector<double>& x, const std::vector<double>& gamma,
                    const std::vector<double>& beta) const {
    double loss = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0, squares = 0;
      for (std::int64_t m = 0; m < rows; ++m) sum += x[m * channels + c];
      const double mean = sum / static_cast<double>(rows);
      for (std::int64_t m = 0; m < rows; ++m) squares += std::pow(x[m * channels + c] - mean, 2);
      const double deviation = std::sqrt(squares / static_cast<double>(rows) + epsilon);
      for (std::int64_t m = 0; m < rows; ++m) {
        const double z = gamma[c] * (x[m * channels + c] - mean) / deviation + beta[c];
        loss += weights[m * channels + c] * std::min(relu ? std::max(z, 0.0) : z, top);
      }
    }
    return loss;
  }
};

/// Inputs whose outputs keep away from the kinks of the surrogate.
Problem problem_away_from_kinks(const Shape& shape, Stream& stream) {
  for (std::uint64_t seed = 130;; seed += 10) {
    Problem problem(shape, seed);
    problem.use_batch_statistics(stream);
    bool away = true;
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const Exact z = problem.z(i);
      away = away && std::abs(z) > 1e-2L && std::abs(z - 1) > 1e-2L;
    }
    if (away) return problem;
  }
}

TEST_P(BatchNormBackwardTest, GradientsMatchCentralDifferences) {
  // Float gradients of sums of some ten terms of size one.
  const GradientCheckOptions single{.step = 1e-5, .tolerance = 2e-5};
  for (const Shape& shape : {Shape{2, 3}, Shape{6, 3}, Shape{9, 1}, Shape{4, 5}}) {
    const Problem problem = problem_away_from_kinks(shape, stream);
    const Tensor range = Tensor::from(std::vector{-infinity, 1.0F}, {1, 2}, stream.device());
    const Tensor grad_y = random_normal(shape, 131);
    for (const Activation& activation : activations) {
      SCOPED_TRACE(shape.to_string() + ", " + activation.name());
      BatchNormBackwardOptions options{.relu = activation.relu};
      if (activation.table) options.pass_range = range.view<float>();
      Gradients gradients(problem);
      kernels::batch_norm_backward(stream, on(stream, grad_y), on(stream, problem.x),
                                   on(stream, problem), options,
                                   on(stream, gradients, GradientMode::overwrite));
      const SurrogateLoss loss{shape[0], shape[1], to_double(grad_y), activation.relu,
                               activation.table ? 1.0 : std::numeric_limits<double>::infinity()};
      const auto x = to_double(problem.x), gamma = to_double(problem.gamma),
                 beta = to_double(problem.beta);
      EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(v, gamma, beta); }, x,
                                   to_double(gradients.x), single));
      EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(x, v, beta); }, gamma,
                                   to_double(gradients.gamma), single));
      EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(x, gamma, v); }, beta,
                                   to_double(gradients.beta), single));
    }
  }
}

TEST(BatchNormReferenceTest, GradientsInDoubleMatchCentralDifferences) {
  constexpr std::int64_t rows = 5, channels = 3;
  const Shape shape{rows, channels};
  const auto x = to_double(random_normal(shape, 1)), grad_z = to_double(random_normal(shape, 2));
  const auto gamma = to_double(random_normal({channels}, 3)),
             beta = to_double(random_normal({channels}, 4));
  const kernels::reference::BatchNormLoops<double> loops{rows, channels, gamma.data(), beta.data(),
                                                         1e-5};
  std::vector<double> mean(channels), variance(channels), grad_x(x.size()), grad_gamma(channels),
      grad_beta(channels);
  loops.statistics(x.data(), mean.data(), variance.data());
  loops.backward(grad_z.data(), x.data(), mean.data(), variance.data(), true, grad_x.data(),
                 grad_gamma.data(), grad_beta.data());
  const SurrogateLoss loss{rows, channels, grad_z, false, std::numeric_limits<double>::infinity()};
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(v, gamma, beta); }, x, grad_x));
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(x, v, beta); }, gamma, grad_gamma));
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(x, gamma, v); }, beta, grad_beta));
}

INSTANTIATE_TEST_SUITE_P(Backends, BatchNormBackwardTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
