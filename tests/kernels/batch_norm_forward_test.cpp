// Normalization forwards, with what follows it in the same pass.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/kernels/batch_norm_problem.h"
#include "tests/kernels/code_planes.h"
#include "tests/support/compare.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

class BatchNormForwardTest : public BatchNormBackendTest {
 protected:
  void expect_forward(const Problem& problem, const Activation& activation);
};

void BatchNormForwardTest::expect_forward(const Problem& problem, const Activation& activation) {
  SCOPED_TRACE(problem.x.shape().to_string() + ", " + activation.name());
  const TableTensors table = activation_table();
  StatisticsTensors statistics({1, 4});
  Tensor y = Tensor::full(problem.x.shape(), infinity);
  {
    const auto staged_table = on(stream, table);
    auto staged_statistics = on(stream, statistics);
    BatchNormActivation fused{.relu = activation.relu};
    if (activation.table) {
      fused.table = staged_table;
      fused.statistics = staged_statistics;
    }
    kernels::batch_norm_forward(stream, on(stream, problem.x), on(stream, problem), fused,
                                on(stream, y));
  }

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

TEST_P(BatchNormForwardTest, ForwardWithEveryActivation) {
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

TEST_P(BatchNormForwardTest, ForwardOfLargeMeanAndSmallVariance) {
  Problem problem({500, 7}, 72);
  problem.x = random_normal({500, 7}, 73, 1e4, 1.0);
  problem.use_batch_statistics(stream);
  for (const Activation& activation : {activations[0], activations[1]}) {
    expect_forward(problem, activation);
  }
}

TEST_P(BatchNormForwardTest, ReportsNonFiniteValuesInFrontOfTheQuantizer) {
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
            stream, on(stream, std::as_const(problem.x)), on(stream, problem),
            {.relu = relu, .table = on(stream, table), .statistics = on(stream, statistics)},
            on(stream, y));
        EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], 1) << bad << " at " << at;
      }
    }
  }
}

TEST_P(BatchNormForwardTest, LevelsAreTheSameWithoutStatistics) {
  const TableTensors table = activation_table();
  const Problem problem({300, 7}, 92);
  Tensor with(problem.x.shape()), without(problem.x.shape());
  StatisticsTensors statistics({1, 4});
  kernels::batch_norm_forward(
      stream, on(stream, problem.x), on(stream, problem),
      {.relu = true, .table = on(stream, table), .statistics = on(stream, statistics)},
      on(stream, with));
  kernels::batch_norm_forward(stream, on(stream, problem.x), on(stream, problem),
                              {.relu = true, .table = on(stream, table)}, on(stream, without));
  EXPECT_TRUE(all_close(without.span<float>(), with.span<float>(), 0, 0));
}

TEST_P(BatchNormForwardTest, PlanesAreTheCodesOfWhatIsWritten) {
  const TableTensors table = activation_table();
  for (const Shape& shape : {Shape{300, 7}, Shape{90, 96}, Shape{10'000, 7}, Shape{1500, 64}}) {
    const Problem problem(shape, 93);
    Tensor y(shape), planes = planes_for(y, 2);
    kernels::batch_norm_forward(
        stream, on(stream, problem.x), on(stream, problem),
        {.relu = true, .table = on(stream, table), .planes = on<std::int32_t>(stream, planes)},
        on(stream, y));
    std::vector<int> codes;
    for (const float value : y.span<float>()) {
      const auto at = std::ranges::find(table.levels.span<float>(), value);
      codes.push_back(table.codes.span<std::uint8_t>()[at - table.levels.span<float>().begin()]);
    }
    EXPECT_TRUE(has_codes(planes, codes, shape[1])) << shape.to_string();
  }
}

TEST_P(BatchNormForwardTest, StatisticsAreThoseOfWhatIsQuantized) {
  // Minus infinity becomes 0 in the ReLU: nothing that is not finite reaches the quantizer.
  const TableTensors table = activation_table();
  for (const bool relu : {false, true}) {
    Problem problem({20, 7}, 91);
    problem.gamma = Tensor::full({7}, 1.0F);
    problem.x.data<float>()[50] = -infinity;
    Tensor y(problem.x.shape());
    StatisticsTensors statistics({1, 4});
    kernels::batch_norm_forward(
        stream, on(stream, std::as_const(problem.x)), on(stream, problem),
        {.relu = relu, .table = on(stream, table), .statistics = on(stream, statistics)},
        on(stream, y));
    EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], relu ? 0 : 1);
  }
}

TEST_P(BatchNormForwardTest, NanGoesThroughTheRelu) {
  Problem problem({20, 7}, 92);
  problem.x.data<float>()[50] = std::numeric_limits<float>::quiet_NaN();
  Tensor y(problem.x.shape());
  kernels::batch_norm_forward(stream, on(stream, std::as_const(problem.x)), on(stream, problem),
                              {.relu = true}, on(stream, y));
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    EXPECT_EQ(std::isnan(y.data<float>()[i]), i == 50) << "element " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, BatchNormForwardTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
