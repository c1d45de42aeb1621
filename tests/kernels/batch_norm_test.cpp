#include "kernels/batch_norm/batch_norm.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "core/threads.h"
#include "kernels/quantize/quantize.h"
#include "kernels/relu/relu.h"
#include "tests/kernels/batch_norm_problem.h"
#include "tests/kernels/views.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

class BatchNormTest : public BatchNormBackendTest {};

TEST_P(BatchNormTest, FusedEqualsOneAfterTheOther) {
  struct Case {
    std::int64_t channels;
    int bits;
  };
  for (const auto [channels, bits] : {Case{1, 2},
                                      {3, 1},
                                      {3, 2},
                                      {16, 2},
                                      {16, 3},
                                      {16, 4},
                                      {17, 2},
                                      {17, 5},
                                      {64, 1},
                                      {64, 2},
                                      {64, 3}}) {
    SCOPED_TRACE(std::to_string(channels) + " channels, bits: " + std::to_string(bits));
    const Problem problem({700, channels}, 80);
    const TableTensors table = activation_table(bits);
    const Shape& shape = problem.x.shape();
    const Shape flat{1, shape.elements()};

    const Shape per_level{1, 1 << bits};
    StatisticsTensors fused_statistics(per_level), statistics(per_level);
    Tensor fused(shape), unobserved(shape), z(shape), activated(shape), y(shape);
    kernels::batch_norm_forward(
        stream, on(stream, problem.x), on(stream, problem),
        {.relu = true, .table = on(stream, table), .statistics = on(stream, fused_statistics)},
        on(stream, fused));
    kernels::batch_norm_forward(stream, on(stream, problem.x), on(stream, problem),
                                {.relu = true, .table = on(stream, table)}, on(stream, unobserved));
    EXPECT_TRUE(all_close(unobserved.span<float>(), fused.span<float>(), 0, 0));
    kernels::batch_norm_forward(stream, on(stream, problem.x), on(stream, problem), {},
                                on(stream, z));
    kernels::relu_forward(stream, on(stream, std::as_const(z)), on(stream, activated));
    kernels::quantize_forward(stream, on(stream, std::as_const(activated).reshape(flat)),
                              on(stream, table), on(stream, y.reshape(flat)),
                              on(stream, statistics), {});
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
      kernels::batch_norm_backward(stream, on(stream, gradient), on(stream, problem.x),
                                   on(stream, problem), options,
                                   {.x = on(stream, x),
                                    .x_mode = GradientMode::overwrite,
                                    .gamma = on(stream, gamma),
                                    .gamma_mode = GradientMode::overwrite,
                                    .beta = on(stream, beta),
                                    .beta_mode = GradientMode::overwrite});
    };
    backward(grad_y, {.relu = true, .pass_range = on(stream, table.pass_range)}, fused_x,
             fused_gamma, fused_beta);
    Tensor grad_activated(shape), grad_z(shape), x(shape), gamma({channels}), beta({channels});
    kernels::quantize_backward(stream, on(stream, grad_y.reshape(flat)),
                               on(stream, std::as_const(activated).reshape(flat)),
                               on(stream, table.pass_range),
                               on(stream, grad_activated.reshape(flat)), GradientMode::overwrite);
    kernels::relu_backward(stream, on(stream, std::as_const(grad_activated)),
                           on(stream, std::as_const(activated)), on(stream, grad_z),
                           GradientMode::overwrite);
    backward(grad_z, {}, x, gamma, beta);
    EXPECT_TRUE(all_close(fused_x.span<float>(), x.span<float>(), 0, 0));
    EXPECT_TRUE(all_close(fused_gamma.span<float>(), gamma.span<float>(), 0, 0));
    EXPECT_TRUE(all_close(fused_beta.span<float>(), beta.span<float>(), 0, 0));
  }
}

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
        stream, on(stream, std::as_const(problem.x)), on(stream, problem),
        {.relu = true, .table = on(stream, table), .statistics = on(stream, statistics)},
        on(stream, y));
    Gradients gradients(problem);
    kernels::batch_norm_backward(stream, on(stream, grad_y), on(stream, std::as_const(problem.x)),
                                 on(stream, problem),
                                 {.relu = true, .pass_range = on(stream, table).view().pass_range},
                                 on(stream, gradients, GradientMode::overwrite));
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

TEST_P(BatchNormTest, StatisticsRefuseViewsThatDoNotFit) {
  const Device device = stream.device();
  const Tensor input({6, 3}, DType::f32, device), empty({0, 3}, DType::f32, device);
  Tensor three({3}, DType::f32, device), four({4}, DType::f32, device);
  const ConstView<float> x = input.view<float>();
  const View<float> good = three.view<float>(), other = four.view<float>();
  const auto refused = [this](ConstView<float> from, View<float> mean, View<float> variance,
                              std::string_view message) {
    return throws_error([&] { kernels::batch_norm_statistics(stream, from, mean, variance); },
                        message);
  };
  EXPECT_TRUE(refused(empty.view<float>(), good, good,
                      "batch_norm_statistics: x is 0x3, expected M x C, none of them 0"));
  EXPECT_TRUE(refused({}, good, good, "batch_norm_statistics: x is scalar, expected M x C"));
  EXPECT_TRUE(refused(elsewhere(x), good, good, "batch_norm_statistics: x is on cuda:7"));
  EXPECT_TRUE(refused(x, other, good, "batch_norm_statistics: mean is 4, expected 3"));
  EXPECT_TRUE(refused(x, good, {}, "batch_norm_statistics: variance is absent, expected 3"));

  const auto update_refused = [this](ConstView<float> mean, ConstView<float> variance,
                                     View<float> running_mean, View<float> running_variance,
                                     std::string_view message) {
    return throws_error(
        [&] {
          kernels::batch_norm_update_running(
              stream, mean, variance,
              {.mean = running_mean, .variance = running_variance, .values = 6});
        },
        message);
  };
  const std::string prefix = "batch_norm_update_running: ";
  EXPECT_TRUE(update_refused({}, good, good, good, prefix + "mean is absent"));
  EXPECT_TRUE(update_refused(good, other, good, good, prefix + "variance is 4, expected 3"));
  EXPECT_TRUE(update_refused(good, good, {}, good, prefix + "running mean is absent, expected 3"));
  EXPECT_TRUE(
      update_refused(good, good, good, elsewhere(good), prefix + "running variance is on cuda:7"));
  EXPECT_TRUE(
      update_refused(other, other, other, good, prefix + "running variance is 3, expected 4"));
}

TEST_P(BatchNormTest, ForwardRefusesViewsThatDoNotFit) {
  const Device device = stream.device();
  const Problem problem = Problem({6, 3}, 150).to(device);
  const Tensor four({4}, DType::f32, device);
  Tensor output({6, 3}, DType::f32, device), wide({3, 6}, DType::f32, device);
  const ConstView<float> x = problem.x.view<float>();
  const View<float> y = output.view<float>();
  const auto refused = [&](const BatchNormParameters& parameters,
                           const BatchNormActivation& activation, View<float> to,
                           std::string_view message) {
    return throws_error([&] { kernels::batch_norm_forward(stream, x, parameters, activation, to); },
                        message);
  };
  const BatchNormParameters good = problem.parameters();
  for (const auto& [member, name] : {std::pair{&BatchNormParameters::mean, "mean"},
                                     std::pair{&BatchNormParameters::variance, "variance"},
                                     std::pair{&BatchNormParameters::gamma, "gamma"},
                                     std::pair{&BatchNormParameters::beta, "beta"}}) {
    const std::string prefix = std::string("batch_norm_forward: ") + name;
    BatchNormParameters parameters = good;
    parameters.*member = four.view<float>();
    EXPECT_TRUE(refused(parameters, {}, y, prefix + " is 4, expected 3"));
    parameters.*member = elsewhere(good.*member);
    EXPECT_TRUE(
        refused(parameters, {}, y, fmt::format("{} is on cuda:7, expected {}", prefix, device)));
  }
  BatchNormParameters without_mean = good;
  without_mean.mean = {};
  EXPECT_TRUE(refused(without_mean, {}, y, "batch_norm_forward: mean is absent, expected 3"));
  EXPECT_TRUE(refused(good, {}, wide.view<float>(), "batch_norm_forward: y is 3x6, expected 6x3"));
  EXPECT_TRUE(refused(good, {}, elsewhere(y), "batch_norm_forward: y is on cuda:7"));

  const TableTensors two_rows(2, 4);
  const TableTensors one_row = TableTensors(1, 4).to(device);
  EXPECT_TRUE(refused(good, {.table = on(stream, two_rows)}, y,
                      "batch_norm_forward: levels is 2x4, expected 1x4"));
  kernels::LevelTableView table = one_row.view();
  table.pass_range = {};
  EXPECT_TRUE(refused(good, {.table = table}, y, "batch_norm_forward: pass_range is absent"));
  StatisticsTensors statistics({1, 3});
  EXPECT_TRUE(refused(good, {.table = one_row.view(), .statistics = on(stream, statistics)}, y,
                      "batch_norm_forward: counts is 1x3, expected 1x4"));
  Tensor planes({2, 3, 1}, DType::i32, device);
  EXPECT_TRUE(refused(good, {.table = one_row.view(), .planes = planes.view<std::int32_t>()}, y,
                      "batch_norm_forward: planes is 2x3x1, expected 2x6x1"));
}

TEST_P(BatchNormTest, BackwardRefusesViewsThatDoNotFit) {
  const Device device = stream.device();
  const Problem problem = Problem({6, 3}, 150).to(device);
  Tensor four({4}, DType::f32, device), wide({3, 6}, DType::f32, device);
  const ConstView<float> x = problem.x.view<float>();
  const auto refused = [&](ConstView<float> grad_y, const BatchNormGradients& gradients,
                           const BatchNormBackwardOptions& options, std::string_view message) {
    return throws_error(
        [&] {
          kernels::batch_norm_backward(stream, grad_y, x, problem.parameters(), options, gradients);
        },
        message);
  };
  EXPECT_TRUE(refused({}, {}, {}, "batch_norm_backward: grad_y is absent, expected 6x3"));
  EXPECT_TRUE(
      refused(wide.view<float>(), {}, {}, "batch_norm_backward: grad_y is 3x6, expected 6x3"));
  EXPECT_TRUE(refused(elsewhere(x), {}, {}, "batch_norm_backward: grad_y is on cuda:7"));
  EXPECT_TRUE(refused(x, {.x = wide.view<float>(), .x_mode = GradientMode::overwrite}, {},
                      "batch_norm_backward: grad_x is 3x6, expected 6x3"));
  EXPECT_TRUE(refused(x, {.gamma = four.view<float>(), .gamma_mode = GradientMode::accumulate}, {},
                      "batch_norm_backward: grad_gamma is 4, expected 3"));
  EXPECT_TRUE(refused(x, {.beta_mode = GradientMode::overwrite}, {},
                      "batch_norm_backward: grad_beta is absent, expected 3"));
  EXPECT_TRUE(
      refused(x, {}, {.pass_range = x}, "batch_norm_backward: pass_range is 6x3, expected 1x2"));
}

INSTANTIATE_TEST_SUITE_P(Backends, BatchNormTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
