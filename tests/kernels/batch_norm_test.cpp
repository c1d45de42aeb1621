#include "kernels/batch_norm/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/threads.h"
#include "kernels/quantize/quantize.h"
#include "kernels/relu/relu.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/level_tables.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using kernels::BatchNormActivation;
using kernels::BatchNormBackwardOptions;
using kernels::BatchNormGradients;
using kernels::BatchNormParameters;
using kernels::GradientMode;
using Exact = long double;

constexpr float infinity = std::numeric_limits<float>::infinity();
/// Half a unit in the last place: what one rounding to float costs.
constexpr double rounding = std::numeric_limits<float>::epsilon() / 2;
/// Values that are added in single precision before a kernel turns to double (per channel).
constexpr double longest_float_sum = 64;

constexpr std::int64_t channel_counts[] = {1, 3, 7, 16, 17, 64, 1500};
/// Enough for every kind of tail; more only costs time in the oracle.
constexpr std::int64_t most_elements = 10'000;

::testing::AssertionResult is_near(float actual, Exact expected, Exact tolerance) {
  if (std::abs(actual - expected) <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << actual << ", expected " << expected << " within " << tolerance;
}

// ---- The oracle: formulas of the header in long double

struct Moments {
  std::vector<Exact> mean, variance;
};

Moments exact_moments(const Tensor& x) {
  const std::int64_t rows = x.shape()[0], channels = x.shape()[1];
  Moments moments{std::vector<Exact>(channels), std::vector<Exact>(channels)};
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    moments.mean[i % channels] += x.data<float>()[i];
  }
  for (Exact& mean : moments.mean) mean /= static_cast<Exact>(rows);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const Exact difference = x.data<float>()[i] - moments.mean[i % channels];
    moments.variance[i % channels] += difference * difference / static_cast<Exact>(rows);
  }
  return moments;
}

/// One normalization with given statistics.
struct Problem {
  Tensor x;
  Tensor mean, variance, gamma, beta;
  bool affine = true;
  double epsilon = 1e-5;

  Problem(const Shape& shape, std::uint64_t seed, bool affine_ = true)
      : x(random_normal(shape, seed, 0.5, 2.0)),
        mean(random_normal({shape[1]}, seed + 1)),
        variance(random_uniform({shape[1]}, seed + 2, 0.5F, 4.0F)),
        gamma(random_normal({shape[1]}, seed + 3, 1.0, 0.5)),
        beta(random_normal({shape[1]}, seed + 4)),
        affine(affine_) {}

  /// As training does it.
  void use_batch_statistics(Stream& stream) {
    kernels::batch_norm_statistics(stream, std::as_const(x).view<float>(), mean.view<float>(),
                                   variance.view<float>());
  }

  std::int64_t channels() const { return x.shape()[1]; }
  std::int64_t rows() const { return x.shape()[0]; }

  BatchNormParameters parameters() const {
    BatchNormParameters views{
        .mean = mean.view<float>(), .variance = variance.view<float>(), .epsilon = epsilon};
    if (affine) {
      views.gamma = gamma.view<float>();
      views.beta = beta.view<float>();
    }
    return views;
  }

  Exact inverse_deviation(std::int64_t c) const {
    return 1 / std::sqrt(static_cast<Exact>(variance.data<float>()[c]) + epsilon);
  }
  Exact normal(std::int64_t i) const {
    const std::int64_t c = i % channels();
    return (static_cast<Exact>(x.data<float>()[i]) - mean.data<float>()[c]) * inverse_deviation(c);
  }
  Exact gamma_of(std::int64_t c) const { return affine ? gamma.data<float>()[c] : 1.0F; }
  Exact z(std::int64_t i) const {
    const std::int64_t c = i % channels();
    return gamma_of(c) * normal(i) + (affine ? beta.data<float>()[c] : 0.0F);
  }
  /// How far a value computed in single precision may be from z: a rounding for each of scale,
  /// offset, product, difference and sum, relative to the largest term.
  Exact slack(std::int64_t i) const {
    const std::int64_t c = i % channels();
    const Exact scale = std::abs(gamma_of(c) * inverse_deviation(c));
    const Exact terms = scale * (std::abs(x.data<float>()[i]) + std::abs(mean.data<float>()[c])) +
                        (affine ? std::abs(beta.data<float>()[c]) : 0.0F);
    return 6 * rounding * terms;
  }
};

struct Activation {
  bool relu;
  bool table;

  std::string name() const {
    return std::string(relu ? "relu " : "") + (table ? "table " : "") + "activation";
  }
};
constexpr Activation activations[] = {{false, false}, {true, false}, {false, true}, {true, true}};

TableTensors activation_table() {
  // A negative element, so that code and position differ.
  return table_of(Tensor::from(std::vector{0.9F, -0.3F}, {1, 2}), kernels::CodeAlphabet::zero_one);
}

class BatchNormTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  void expect_statistics(const Tensor& x);
  void expect_forward(const Problem& problem, const Activation& activation);
  void expect_backward(const Problem& problem, const Activation& activation, bool batch_statistics,
                       std::uint64_t seed);

  Stream stream{GetParam().backend};
  IsaCap cap{GetParam().isa};
};

// ---- Statistics

void BatchNormTest::expect_statistics(const Tensor& x) {
  SCOPED_TRACE(x.shape().to_string());
  const std::int64_t channels = x.shape()[1];
  Tensor mean = Tensor::full({channels}, infinity), variance = Tensor::full({channels}, infinity);
  kernels::batch_norm_statistics(stream, x.view<float>(), mean.view<float>(),
                                 variance.view<float>());
  const Moments exact = exact_moments(x);
  for (std::int64_t c = 0; c < channels; ++c) {
    // What is added up are differences from the first row, and their squares.
    const Exact shift = exact.mean[c] - x.data<float>()[c];
    const Exact squares = exact.variance[c] + shift * shift;
    const Exact sums = rounding * (longest_float_sum + 2);
    ASSERT_TRUE(is_near(mean.data<float>()[c], exact.mean[c],
                        rounding * std::abs(exact.mean[c]) + sums * std::sqrt(squares)))
        << "channel " << c;
    ASSERT_TRUE(is_near(variance.data<float>()[c], exact.variance[c], 2 * sums * squares))
        << "channel " << c;
  }
}

TEST_P(BatchNormTest, StatisticsOfAnyShape) {
  for (const std::int64_t channels : channel_counts) {
    for (const std::int64_t rows : {1, 2, 5, 333}) {
      expect_statistics(random_normal({rows, channels}, 61, 0.3, 1.5));
    }
  }
  expect_statistics(random_normal({30'000, 7}, 62));  // several chunks
  expect_statistics(random_normal({100'000, 1}, 63));
  expect_statistics(random_normal({3, 70'000}, 64));  // rows longer than a chunk
}

TEST_P(BatchNormTest, StatisticsOfLargeMeanAndSmallVariance) {
  for (const std::int64_t channels : {1, 3, 64}) {
    expect_statistics(random_normal({5000, channels}, 65, 1e4, 1.0));
    expect_statistics(random_normal({5000, channels}, 66, -1e4, 0.01));
  }
}

TEST_P(BatchNormTest, ConstantChannelsHaveNoVariance) {
  Tensor x({777, 3});
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    x.data<float>()[i] = static_cast<float>(i % 3) * 1e4F + 0.1F;
  }
  Tensor mean({3}), variance({3});
  kernels::batch_norm_statistics(stream, std::as_const(x).view<float>(), mean.view<float>(),
                                 variance.view<float>());
  EXPECT_TRUE(all_close(mean.span<float>(), x.slice(0, 1).span<float>(), 2 * rounding, 0));
  // The mean itself is rounded at most.
  EXPECT_TRUE(all_close(variance.span<float>(), std::vector{0.0, 0.0, 0.0}, 0, 1e-12));
}

TEST_P(BatchNormTest, RunningStatisticsUseTheUnbiasedVariance) {
  const Tensor mean = Tensor::from(std::vector{2.0F, -4.0F}, {2});
  const Tensor variance = Tensor::from(std::vector{3.0F, 8.0F}, {2});
  Tensor running_mean = Tensor::zeros({2}), running_variance = Tensor::full({2}, 1.0F);
  const auto update = [&](double decay, std::int64_t values) {
    kernels::batch_norm_update_running(stream, mean.view<float>(), variance.view<float>(),
                                       {.mean = running_mean.view<float>(),
                                        .variance = running_variance.view<float>(),
                                        .decay = decay,
                                        .values = values});
  };
  update(0.9, 4);  // 3 * 4 / 3 = 4 and 8 * 4 / 3
  EXPECT_TRUE(all_close(running_mean.span<float>(), std::vector{0.2, -0.4}, 2 * rounding, 0));
  EXPECT_TRUE(all_close(running_variance.span<float>(), std::vector{0.9 + 0.4, 0.9 + 3.2 / 3.0},
                        2 * rounding, 0));
  update(0.9, 4);
  EXPECT_TRUE(all_close(running_mean.span<float>(), std::vector{0.38, -0.76}, 4 * rounding, 0));
  // A batch of one value has no unbiased variance: the biased one, which is 0, stands in.
  update(0.0, 1);
  EXPECT_TRUE(all_close(running_variance.span<float>(), std::vector{3.0, 8.0}, 2 * rounding, 0));
}

// ---- Forward

void BatchNormTest::expect_forward(const Problem& problem, const Activation& activation) {
  SCOPED_TRACE(problem.x.shape().to_string() + ", " + activation.name());
  const TableTensors table = activation_table();
  StatisticsTensors statistics({1, 4});
  BatchNormActivation fused{.relu = activation.relu};
  if (activation.table) {
    fused.table = table.view();
    fused.statistics = statistics.view();
  }
  Tensor y = Tensor::full(problem.x.shape(), infinity);
  kernels::batch_norm_forward(stream, problem.x.view<float>(), problem.parameters(), fused,
                              y.view<float>());

  const auto levels = table.levels.span<float>();
  const auto thresholds = table.thresholds.span<float>();
  const auto position = [&](Exact value) {
    return std::ranges::count_if(thresholds, [&](float threshold) { return value > threshold; });
  };
  std::vector<std::int64_t> counts(4, 0);
  std::vector<Exact> sums(4, 0);
  Exact sum_tolerance = 0, magnitude = 0;
  std::int64_t undecided = 0;
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    const Exact a = activation.relu ? std::max<Exact>(problem.z(i), 0) : problem.z(i);
    const Exact slack = problem.slack(i);
    const float actual = y.data<float>()[i];
    if (!activation.table) {
      ASSERT_TRUE(is_near(actual, a, slack)) << "element " << i;
      continue;
    }
    const auto lowest = position(a - slack), highest = position(a + slack);
    undecided += lowest != highest ? 1 : 0;
    ASSERT_GE(actual, levels[lowest]) << "element " << i;
    ASSERT_LE(actual, levels[highest]) << "element " << i;
    const auto at = std::ranges::find(levels, actual) - levels.begin();
    ASSERT_LT(at, 4) << actual << " is no level";
    counts[at] += 1;
    sums[at] += a;
    sum_tolerance += slack;
    magnitude += std::abs(a);
  }
  if (!activation.table) return;
  EXPECT_LE(undecided, 1 + y.elements() / 1000);  // else the comparison says nothing
  EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], 0);
  EXPECT_TRUE(all_close(statistics.counts.span<std::int64_t>(), counts, 0, 0));
  // Rounding of the values themselves, and of single-precision sums over the lanes of a period, at
  // least four (see quantize_test.cpp).
  const std::int64_t terms =
      std::min(y.elements(), std::max<std::int64_t>(1024, problem.channels()) / 4);
  const Exact tolerance = sum_tolerance + static_cast<Exact>(terms) * rounding * magnitude;
  EXPECT_TRUE(all_close(statistics.sums.span<double>(), sums, 0, static_cast<double>(tolerance)));
}

TEST_P(BatchNormTest, ForwardWithEveryActivation) {
  std::uint64_t seed = 70;
  for (const std::int64_t channels : channel_counts) {
    for (const std::int64_t rows : {1, 2, 63, 300}) {
      if (rows * channels > most_elements) continue;
      for (const Activation& activation : activations) {
        expect_forward(Problem({rows, channels}, seed += 10, rows != 2), activation);
      }
    }
  }
  // More than one chunk of work.
  expect_forward(Problem({10'000, 7}, 71), {.relu = true, .table = true});
}

TEST_P(BatchNormTest, ForwardOfLargeMeanAndSmallVariance) {
  Problem problem({500, 7}, 72);
  problem.x = random_normal({500, 7}, 73, 1e4, 1.0);
  problem.use_batch_statistics(stream);
  for (const Activation& activation : {activations[0], activations[1]}) {
    expect_forward(problem, activation);
  }
}

TEST_P(BatchNormTest, FusedEqualsOneAfterTheOther) {
  for (const std::int64_t channels : {1, 3, 16, 17, 64}) {
    const Problem problem({400, channels}, 80);
    const TableTensors table = activation_table();
    const Shape& shape = problem.x.shape();
    const Shape flat{1, shape.elements()};

    StatisticsTensors fused_statistics({1, 4}), statistics({1, 4});
    Tensor fused(shape), z(shape), activated(shape), y(shape);
    kernels::batch_norm_forward(
        stream, problem.x.view<float>(), problem.parameters(),
        {.relu = true, .table = table.view(), .statistics = fused_statistics.view()},
        fused.view<float>());
    kernels::batch_norm_forward(stream, problem.x.view<float>(), problem.parameters(), {},
                                z.view<float>());
    kernels::relu_forward(stream, std::as_const(z).view<float>(), activated.view<float>());
    kernels::quantize_forward(stream, std::as_const(activated).reshape(flat).view<float>(),
                              table.view(), y.reshape(flat).view<float>(), statistics.view());
    EXPECT_TRUE(all_close(fused.span<float>(), y.span<float>(), 0, 0));
    EXPECT_TRUE(all_close(fused_statistics.counts.span<std::int64_t>(),
                          statistics.counts.span<std::int64_t>(), 0, 0));
    // Blocks of the sums begin elsewhere: only rounding differs.
    EXPECT_TRUE(all_close(fused_statistics.sums.span<double>(), statistics.sums.span<double>(),
                          1e-6, 1e-6 * static_cast<double>(shape.elements())));

    const Tensor grad_y = random_normal(shape, 81);
    Tensor fused_x(shape), fused_gamma({channels}), fused_beta({channels});
    const auto backward = [&](const Tensor& gradient, const BatchNormBackwardOptions& options,
                              Tensor& x, Tensor& gamma, Tensor& beta) {
      kernels::batch_norm_backward(stream, gradient.view<float>(), problem.x.view<float>(),
                                   problem.parameters(), options,
                                   {.x = x.view<float>(),
                                    .x_mode = GradientMode::overwrite,
                                    .gamma = gamma.view<float>(),
                                    .gamma_mode = GradientMode::overwrite,
                                    .beta = beta.view<float>(),
                                    .beta_mode = GradientMode::overwrite});
    };
    backward(grad_y, {.relu = true, .pass_range = table.pass_range.view<float>()}, fused_x,
             fused_gamma, fused_beta);
    Tensor grad_activated(shape), grad_z(shape), x(shape), gamma({channels}), beta({channels});
    kernels::quantize_backward(stream, grad_y.reshape(flat).view<float>(),
                               std::as_const(activated).reshape(flat).view<float>(),
                               table.view().pass_range, grad_activated.reshape(flat).view<float>(),
                               GradientMode::overwrite);
    kernels::relu_backward(stream, std::as_const(grad_activated).view<float>(),
                           std::as_const(activated).view<float>(), grad_z.view<float>(),
                           GradientMode::overwrite);
    backward(grad_z, {}, x, gamma, beta);
    EXPECT_TRUE(all_close(fused_x.span<float>(), x.span<float>(), 0, 0));
    EXPECT_TRUE(all_close(fused_gamma.span<float>(), gamma.span<float>(), 0, 0));
    EXPECT_TRUE(all_close(fused_beta.span<float>(), beta.span<float>(), 0, 0));
  }
}

TEST_P(BatchNormTest, ReportsNonFiniteValuesInFrontOfTheQuantizer) {
  const TableTensors table = activation_table();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity}) {
    for (const bool relu : {false, true}) {
      for (const std::int64_t at : {0, 100, 20 * 7 - 1}) {
        Problem problem({20, 7}, 90);
        problem.gamma = Tensor::full({7}, 1.0F);
        problem.x.data<float>()[at] = bad;
        Tensor y(problem.x.shape());
        StatisticsTensors statistics({1, 4});
        kernels::batch_norm_forward(
            stream, std::as_const(problem.x).view<float>(), problem.parameters(),
            {.relu = relu, .table = table.view(), .statistics = statistics.view()},
            y.view<float>());
        EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], 1) << bad << " at " << at;
      }
    }
  }
}

TEST_P(BatchNormTest, StatisticsAreThoseOfWhatIsQuantized) {
  // Minus infinity becomes 0 in the ReLU: nothing that is not finite reaches the quantizer.
  const TableTensors table = activation_table();
  for (const bool relu : {false, true}) {
    Problem problem({20, 7}, 91);
    problem.gamma = Tensor::full({7}, 1.0F);
    problem.x.data<float>()[50] = -infinity;
    Tensor y(problem.x.shape());
    StatisticsTensors statistics({1, 4});
    kernels::batch_norm_forward(
        stream, std::as_const(problem.x).view<float>(), problem.parameters(),
        {.relu = relu, .table = table.view(), .statistics = statistics.view()}, y.view<float>());
    EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], relu ? 0 : 1);
  }
}

TEST_P(BatchNormTest, NanGoesThroughTheRelu) {
  Problem problem({20, 7}, 92);
  problem.x.data<float>()[50] = std::numeric_limits<float>::quiet_NaN();
  Tensor y(problem.x.shape());
  kernels::batch_norm_forward(stream, std::as_const(problem.x).view<float>(), problem.parameters(),
                              {.relu = true}, y.view<float>());
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    EXPECT_EQ(std::isnan(y.data<float>()[i]), i == 50) << "element " << i;
  }
}

// ---- Backward

/// Gradients of one problem from kernels, all overwritten.
struct Gradients {
  Tensor x, gamma, beta;

  explicit Gradients(const Problem& problem)
      : x(Tensor::full(problem.x.shape(), infinity)),
        gamma(Tensor::full({problem.channels()}, infinity)),
        beta(Tensor::full({problem.channels()}, infinity)) {}

  BatchNormGradients views(GradientMode mode) {
    return {x.view<float>(), mode, gamma.view<float>(), mode, beta.view<float>(), mode};
  }
};

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

void BatchNormTest::expect_backward(const Problem& problem, const Activation& activation,
                                    bool batch_statistics, std::uint64_t seed) {
  SCOPED_TRACE(problem.x.shape().to_string() + ", " + activation.name() +
               (batch_statistics ? ", statistics of the batch" : ", fixed statistics"));
  const Tensor range = Tensor::from(std::vector{-0.5F, 1.25F}, {1, 2});
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
    kernels::batch_norm_backward(stream, std::as_const(grad_y).view<float>(),
                                 problem.x.view<float>(), problem.parameters(), options, gradients);
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
  run(written.views(GradientMode::overwrite));
  expect_close(written.x, exact.x, exact.x_size, "gradient of x");
  expect_close(written.gamma, exact.gamma, exact.gamma_size, "gradient of gamma");
  expect_close(written.beta, exact.beta, exact.beta_size, "gradient of beta");
}

TEST_P(BatchNormTest, BackwardWithEveryActivation) {
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

TEST_P(BatchNormTest, BackwardOfOneRow) {
  // Each value is its own mean: y is beta, whatever x.
  Problem problem({1, 17}, 110);
  problem.use_batch_statistics(stream);
  EXPECT_TRUE(all_close(problem.variance.span<float>(), std::vector<float>(17, 0.0F), 0, 0));
  expect_backward(problem, activations[0], true, 111);
  expect_backward(problem, activations[0], false, 112);
}

TEST_P(BatchNormTest, GradientModesAreIndependent) {
  const Problem problem({50, 3}, 120);
  const Tensor grad_y = random_normal(problem.x.shape(), 121);
  const auto run = [&](const BatchNormGradients& views) {
    kernels::batch_norm_backward(stream, grad_y.view<float>(), problem.x.view<float>(),
                                 problem.parameters(), {.relu = true}, views);
  };
  Gradients written(problem);
  run(written.views(GradientMode::overwrite));

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
        if (x_mode != GradientMode::ignore) views.x = x.view<float>();
        if (gamma_mode != GradientMode::ignore) views.gamma = gamma.view<float>();
        if (beta_mode != GradientMode::ignore) views.beta = beta.view<float>();
        run(views);
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

TEST_P(BatchNormTest, GradientsMatchCentralDifferences) {
  // Float gradients of sums of some ten terms of size one.
  const GradientCheckOptions single{.step = 1e-5, .tolerance = 2e-5};
  for (const Shape& shape : {Shape{2, 3}, Shape{6, 3}, Shape{9, 1}, Shape{4, 5}}) {
    const Problem problem = problem_away_from_kinks(shape, stream);
    const Tensor range = Tensor::from(std::vector{-infinity, 1.0F}, {1, 2});
    const Tensor grad_y = random_normal(shape, 131);
    for (const Activation& activation : activations) {
      SCOPED_TRACE(shape.to_string() + ", " + activation.name());
      BatchNormBackwardOptions options{.relu = activation.relu};
      if (activation.table) options.pass_range = range.view<float>();
      Gradients gradients(problem);
      kernels::batch_norm_backward(stream, grad_y.view<float>(), problem.x.view<float>(),
                                   problem.parameters(), options,
                                   gradients.views(GradientMode::overwrite));
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

// ---- Threads and errors

TEST_P(BatchNormTest, ResultsDoNotDependOnTheNumberOfThreads) {
  Problem problem({20'011, 17}, 140);
  const TableTensors table = activation_table();
  const Tensor grad_y = random_normal(problem.x.shape(), 141);
  struct Results {
    Tensor mean, variance, y, counts, sums, x, gamma, beta;
  };
  const auto run = [&] {
    problem.use_batch_statistics(stream);
    Tensor y(problem.x.shape());
    StatisticsTensors statistics({1, 4});
    kernels::batch_norm_forward(
        stream, std::as_const(problem.x).view<float>(), problem.parameters(),
        {.relu = true, .table = table.view(), .statistics = statistics.view()}, y.view<float>());
    Gradients gradients(problem);
    kernels::batch_norm_backward(stream, grad_y.view<float>(),
                                 std::as_const(problem.x).view<float>(), problem.parameters(),
                                 {.relu = true, .pass_range = table.view().pass_range},
                                 gradients.views(GradientMode::overwrite));
    return Results{problem.mean.clone(),
                   problem.variance.clone(),
                   y,
                   statistics.counts,
                   statistics.sums,
                   gradients.x,
                   gradients.gamma,
                   gradients.beta};
  };
  const int before = num_threads();
  set_num_threads(1);
  const Results alone = run();
  for (const int count : {2, 3, 8}) {
    set_num_threads(count);
    const Results results = run();
    for (const auto member : {&Results::mean, &Results::variance, &Results::y, &Results::x,
                              &Results::gamma, &Results::beta}) {
      EXPECT_TRUE(all_close((results.*member).span<float>(), (alone.*member).span<float>(), 0, 0));
    }
    EXPECT_TRUE(
        all_close(results.counts.span<std::int64_t>(), alone.counts.span<std::int64_t>(), 0, 0));
    EXPECT_TRUE(all_close(results.sums.span<double>(), alone.sums.span<double>(), 0, 0));
  }
  set_num_threads(before);
}

TEST_P(BatchNormTest, RefusesViewsOfOtherShapes) {
  const Problem problem({6, 3}, 150);
  Tensor three({3}), four({4}), y({6, 3}), wide({3, 6});
  const ConstView<float> x = problem.x.view<float>();
  const auto forward = [&](const BatchNormParameters& parameters, Tensor& to) {
    kernels::batch_norm_forward(stream, x, parameters, {}, to.view<float>());
  };
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::batch_norm_statistics(stream, Tensor({0, 3}).view<float>(), three.view<float>(),
                                       three.view<float>());
      },
      "batch_norm: input 0x3, expected M x C with at least one value"));
  EXPECT_TRUE(throws_error(
      [&] { kernels::batch_norm_statistics(stream, x, four.view<float>(), three.view<float>()); },
      "batch_norm: mean 4, expected 3"));
  for (const auto member : {&BatchNormParameters::mean, &BatchNormParameters::variance,
                            &BatchNormParameters::gamma, &BatchNormParameters::beta}) {
    BatchNormParameters parameters = problem.parameters();
    parameters.*member = std::as_const(four).view<float>();
    EXPECT_TRUE(throws_error([&] { forward(parameters, y); }, " 4, expected 3"));
  }
  EXPECT_TRUE(throws_error([&] { forward(problem.parameters(), wide); },
                           "batch_norm: output 3x6 for input 6x3"));
  const TableTensors two_rows(2, 4);
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::batch_norm_forward(stream, x, problem.parameters(), {.table = two_rows.view()},
                                    y.view<float>());
      },
      "batch_norm: levels 2x4"));

  const auto backward = [&](const BatchNormGradients& gradients,
                            const BatchNormBackwardOptions& options) {
    kernels::batch_norm_backward(stream, x, x, problem.parameters(), options, gradients);
  };
  EXPECT_TRUE(throws_error(
      [&] { backward({.x = wide.view<float>(), .x_mode = GradientMode::overwrite}, {}); },
      "batch_norm: gradients 6x3 and 3x6 for input 6x3"));
  EXPECT_TRUE(throws_error(
      [&] { backward({.gamma = four.view<float>(), .gamma_mode = GradientMode::accumulate}, {}); },
      "batch_norm: gradient of gamma 4, expected 3"));
  EXPECT_TRUE(throws_error([&] { backward({.beta_mode = GradientMode::overwrite}, {}); },
                           "gradient of beta"));
  EXPECT_TRUE(throws_error([&] { backward({}, {.pass_range = x}); },
                           "batch_norm: pass range 6x3, expected 1x2"));
  const Tensor mean({3}), variance({4});
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::batch_norm_update_running(
            stream, mean.view<float>(), variance.view<float>(),
            {.mean = three.view<float>(), .variance = three.view<float>(), .values = 6});
      },
      "batch_norm: running variance 3, expected 4"));
}

INSTANTIATE_TEST_SUITE_P(Backends, BatchNormTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
