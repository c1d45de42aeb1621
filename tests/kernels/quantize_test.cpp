#include "kernels/quantize/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.h"
#include "kernels/common/bitpack/bitpack.h"
#include "tests/kernels/code_planes.h"
#include "tests/kernels/views.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/level_tables.h"
#include "tests/support/quantizer_oracle.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::GradientMode;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
/// Half a unit in the last place of a float.
constexpr double rounding = std::numeric_limits<float>::epsilon() / 2;
/// Values that a kernel may add in single precision before it turns to double: blocks of 1024
/// over at least four lanes.
constexpr double longest_float_sum = 256;

struct Outcome {
  std::vector<float> y;
  std::vector<std::int64_t> counts;
  std::vector<double> sums;
  std::int32_t non_finite = 0;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome run(Stream& stream, const Tensor& x, const TableTensors& table) {
  Tensor y = Tensor::full(x.shape(), not_a_number);
  StatisticsTensors statistics(table.levels.shape());
  kernels::quantize_forward(stream, on(stream, x), on(stream, table), on(stream, y),
                            on(stream, statistics), {});
  const auto ys = y.span<float>();
  const auto counts = statistics.counts.span<std::int64_t>();
  const auto sums = statistics.sums.span<double>();
  return {{ys.begin(), ys.end()},
          {counts.begin(), counts.end()},
          {sums.begin(), sums.end()},
          statistics.non_finite.span<std::int32_t>()[0]};
}

/// What the definition says of one row: position = number of thresholds below x.
void expect_row_follows_definition(const Outcome& outcome, const Tensor& x,
                                   const TableTensors& table, std::int64_t r) {
  const std::int64_t n = x.shape()[1];
  const std::int64_t size = table.levels.shape()[1];
  const auto levels = table.levels.slice(r, r + 1).span<float>();
  const auto thresholds = table.thresholds.slice(r, r + 1).span<float>();
  std::vector<std::int64_t> counts(size, 0);
  std::vector<long double> sums(size, 0);
  double magnitude = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = x.data<float>()[r * n + i];
    const auto position =
        std::ranges::count_if(thresholds, [&](float threshold) { return value > threshold; });
    ASSERT_EQ(outcome.y[r * n + i], levels[position]) << "x = " << value << ", row " << r;
    counts[position] += 1;
    sums[position] += value;
    magnitude += std::abs(static_cast<double>(value));
  }
  // A position's sum is the difference of two sums over everything above a threshold, in single
  // precision over runs of values; each addition errs by half a unit of the run's sum at most. A
  // position without values gets none, up to rounding in double.
  const double terms = std::min(static_cast<double>(n), longest_float_sum);
  const double tolerance = terms * rounding * magnitude;
  for (std::int64_t l = 0; l < size; ++l) {
    EXPECT_EQ(outcome.counts[r * size + l], counts[l]) << "position " << l << ", row " << r;
    EXPECT_NEAR(outcome.sums[r * size + l], static_cast<double>(sums[l]),
                counts[l] == 0 ? 1e-13 * magnitude : tolerance)
        << "position " << l << ", row " << r;
  }
}

/// Every value went to the level that exhaustive search over all codes finds, but for those that
/// lie within rounding of the middle between two.
void expect_nearest_levels(const Outcome& outcome, const Tensor& x, const Tensor& basis,
                           CodeAlphabet alphabet) {
  const std::int64_t n = x.shape()[1];
  for (std::int64_t r = 0; r < x.shape()[0]; ++r) {
    const QuantizerOracle oracle(basis.slice(r, r + 1).span<float>(), alphabet);
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = x.data<float>()[r * n + i];
      const long double distance = std::abs(value - outcome.y[r * n + i]);
      const auto nearest = oracle.nearest(value);
      // Thresholds and levels are rounded once each.
      const long double slack = 4 * rounding * (std::abs(value) + nearest.distance);
      ASSERT_LE(distance, nearest.distance + slack) << "x = " << value << ", row " << r;
    }
  }
}

class QuantizeTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  void expect_right(int bits, CodeAlphabet alphabet, const Shape& shape, Rng& rng) {
    SCOPED_TRACE(::testing::Message()
                 << bits << " bits, x " << shape.to_string() << ", first code element "
                 << (alphabet == CodeAlphabet::zero_one ? "0" : "-1"));
    const Tensor basis = random_basis(shape[0], bits, rng);
    const TableTensors table = table_of(basis, alphabet);
    const Tensor x = random_normal(shape, rng.next_u32(), 0.1, 1.0);
    const Outcome outcome = run(stream, x, table);
    EXPECT_EQ(outcome.non_finite, 0);
    for (std::int64_t r = 0; r < shape[0]; ++r) {
      expect_row_follows_definition(outcome, x, table, r);
    }
    expect_nearest_levels(outcome, x, basis, alphabet);
    Tensor unobserved(shape);
    kernels::quantize_forward(stream, on(stream, x), on(stream, table), on(stream, unobserved), {},
                              {});
    EXPECT_TRUE(all_close(unobserved.span<float>(), std::as_const(outcome.y), 0, 0));
  }

  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

TEST_P(QuantizeTest, GoldenWeights) {
  const TableTensors table =
      table_of(Tensor::from(std::vector{0.2F, 0.5F}, {1, 2}), CodeAlphabet::minus_plus_one);
  const Tensor x =
      Tensor::from(std::vector{-0.9F, -0.35F, -0.1F, 0.05F, 0.2F, 0.4F, 0.75F, 1.2F}, {1, 8});
  const Outcome outcome = run(stream, x, table);
  EXPECT_TRUE(
      all_close(outcome.y, std::vector{-0.7, -0.3, -0.3, 0.3, 0.3, 0.3, 0.7, 0.7}, 1e-7, 0));
  EXPECT_EQ(outcome.counts, (std::vector<std::int64_t>{1, 2, 3, 2}));
  EXPECT_TRUE(all_close(outcome.sums, std::vector{-0.9, -0.45, 0.65, 1.95}, 1e-6, 0));
  EXPECT_EQ(outcome.non_finite, 0);
}

TEST_P(QuantizeTest, GoldenActivations) {
  const TableTensors table =
      table_of(Tensor::from(std::vector{0.4496667F, 0.8993333F}, {1, 2}), CodeAlphabet::zero_one);
  const Tensor x = Tensor::from(
      std::vector{0.0F, 0.0F, 0.1F, 0.3F, 0.5F, 0.7F, 0.9F, 1.1F, 1.3F, 2.0F}, {1, 10});
  const Outcome outcome = run(stream, x, table);
  EXPECT_EQ(outcome.counts, (std::vector<std::int64_t>{3, 2, 3, 2}));
  EXPECT_TRUE(all_close(outcome.sums, std::vector{0.1, 0.8, 2.7, 3.3}, 1e-6, 0));
}

TEST_P(QuantizeTest, MatchesExhaustiveSearchForEveryLength) {
  Rng rng(21, RngPurpose::test);
  for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
    for (int bits = 1; bits <= 4; ++bits) {
      for (std::int64_t n = 1; n <= 70; ++n) {
        expect_right(bits, alphabet, {n % 3 == 0 ? 3 : 1, n}, rng);
      }
    }
    for (int bits = 5; bits <= 8; ++bits) {
      for (const std::int64_t n : {1, 37, 64}) expect_right(bits, alphabet, {2, n}, rng);
    }
  }
}

TEST_P(QuantizeTest, MatchesExhaustiveSearchForLongRows) {
  Rng rng(22, RngPurpose::test);
  expect_right(1, CodeAlphabet::minus_plus_one, {1, 9000}, rng);
  expect_right(2, CodeAlphabet::zero_one, {1, 200'003}, rng);
  expect_right(3, CodeAlphabet::minus_plus_one, {2, 70'001}, rng);
  expect_right(4, CodeAlphabet::zero_one, {1, 1 << 16}, rng);
  expect_right(2, CodeAlphabet::minus_plus_one, {64, 576}, rng);
  expect_right(8, CodeAlphabet::minus_plus_one, {1, 5000}, rng);
}

TEST_P(QuantizeTest, AValueOnAThresholdStaysBelow) {
  // With basis (1, 2) all levels and thresholds are exact.
  const TableTensors table =
      table_of(Tensor::from(std::vector{1.0F, 2.0F}, {1, 2}), CodeAlphabet::zero_one);
  std::vector<float> x, expected;
  for (int repeat = 0; repeat < 9; ++repeat) {  // both in whole vectors and behind them
    for (int l = 0; l < 3; ++l) {
      const float threshold = static_cast<float>(l) + 0.5F;
      x.insert(x.end(), {threshold, std::nextafter(threshold, 9.0F)});
      expected.insert(expected.end(), {static_cast<float>(l), static_cast<float>(l + 1)});
    }
    x.push_back(-0.0F);
    expected.push_back(0.0F);
  }
  EXPECT_EQ(run(stream, Tensor::from(x, {1, std::ssize(x)}), table).y, expected);
}

TEST_P(QuantizeTest, DegenerateTablesStillFollowTheDefinition) {
  const Tensor x = random_normal({1, 53}, 5);
  const float tiny = std::numeric_limits<float>::denorm_min();
  const std::vector<float> bases[] = {{0.0F, 0.0F},       {0.5F, 0.5F},   {0.5F, 0.0F},
                                      {tiny, 4 * tiny},   {1e38F, 2e38F}, {-1e38F, 1e-38F},
                                      {0.3F, -0.3F, 0.0F}};
  for (const std::vector<float>& basis : bases) {
    for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
      const TableTensors table = table_of(Tensor::from(basis, {1, std::ssize(basis)}), alphabet);
      const Outcome outcome = run(stream, x, table);
      EXPECT_EQ(outcome.non_finite, 0);
      expect_row_follows_definition(outcome, x, table, 0);
    }
  }
}

TEST_P(QuantizeTest, ConstantInputUsesOneLevel) {
  const TableTensors table =
      table_of(Tensor::from(std::vector{0.2F, 0.5F, 1.0F}, {1, 3}), CodeAlphabet::minus_plus_one);
  for (const float value : {0.0F, -0.31F, 1e30F, -1e-40F}) {
    for (const std::int64_t n : {1, 40, 3000}) {
      const Tensor x = Tensor::full({1, n}, value);
      const Outcome outcome = run(stream, x, table);
      expect_row_follows_definition(outcome, x, table, 0);
      EXPECT_EQ(std::ranges::count(outcome.counts, n), 1);
      EXPECT_EQ(std::ranges::count(outcome.counts, 0), 7);
    }
  }
}

TEST_P(QuantizeTest, EmptyRowsHaveNoValues) {
  const TableTensors table = table_of(Tensor::full({2, 2}, 0.5F), CodeAlphabet::zero_one);
  const Outcome outcome = run(stream, Tensor({2, 0}), table);
  EXPECT_EQ(outcome.counts, std::vector<std::int64_t>(8, 0));
  EXPECT_EQ(outcome.sums, std::vector<double>(8, 0.0));
  EXPECT_EQ(outcome.non_finite, 0);
}

TEST_P(QuantizeTest, ReportsEveryNonFiniteValue) {
  const TableTensors table =
      table_of(Tensor::from(std::vector{0.5F, 1.0F}, {1, 2}), CodeAlphabet::zero_one);
  for (const std::int64_t n : {1, 2, 15, 16, 17, 64, 70, 1024, 1025, 70'000}) {
    const Tensor clean = random_normal({1, n}, 3);
    EXPECT_EQ(run(stream, clean, table).non_finite, 0);
    for (const float bad : {not_a_number, infinity, -infinity}) {
      for (const std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
        Tensor x = clean.clone();
        x.data<float>()[at] = bad;
        EXPECT_EQ(run(stream, x, table).non_finite, 1) << bad << " at " << at << " of " << n;
      }
    }
    if (n > 1) {
      Tensor cancelling = clean.clone();
      cancelling.data<float>()[0] = infinity;
      cancelling.data<float>()[n - 1] = -infinity;
      EXPECT_EQ(run(stream, cancelling, table).non_finite, 1);
    }
  }
}

TEST_P(QuantizeTest, PlacesNonFiniteValuesAtTheEnds) {
  const TableTensors table =
      table_of(Tensor::from(std::vector{0.5F, 1.0F}, {1, 2}), CodeAlphabet::zero_one);
  std::vector<float> x;
  std::vector<float> expected;
  for (int repeat = 0; repeat < 21; ++repeat) {
    x.insert(x.end(), {not_a_number, infinity, -infinity});
    expected.insert(expected.end(), {0.0F, 1.5F, 0.0F});
  }
  EXPECT_EQ(run(stream, Tensor::from(x, {1, 63}), table).y, expected);
}

TEST_P(QuantizeTest, ExtremeFiniteValuesAreNotReported) {
  using Limits = std::numeric_limits<float>;
  const TableTensors table =
      table_of(Tensor::from(std::vector{0.5F, 1.0F}, {1, 2}), CodeAlphabet::minus_plus_one);
  const Tensor x = Tensor::from(std::vector{Limits::max(), Limits::lowest(), Limits::denorm_min(),
                                            -Limits::denorm_min(), Limits::min(), 0.0F},
                                {1, 6});
  const Outcome outcome = run(stream, x, table);
  EXPECT_EQ(outcome.non_finite, 0);
  EXPECT_EQ(outcome.y, (std::vector{1.5F, -1.5F, 0.5F, -0.5F, 0.5F, -0.5F}));
}

TEST_P(QuantizeTest, AnyStatisticMayBeAbsent) {
  Rng rng(4, RngPurpose::test);
  const TableTensors table = table_of(random_basis(3, 2, rng), CodeAlphabet::minus_plus_one);
  const Tensor x = random_normal({3, 77}, 6);
  const Outcome all = run(stream, x, table);
  for (int wanted = 0; wanted < 8; ++wanted) {
    StatisticsTensors statistics({3, 4});
    kernels::LevelStatistics views;
    Tensor y(x.shape());
    {
      auto staged = on(stream, statistics);
      views = staged.view();
      if ((wanted & 1) == 0) views.counts = {};
      if ((wanted & 2) == 0) views.sums = {};
      if ((wanted & 4) == 0) views.non_finite = {};
      kernels::quantize_forward(stream, on(stream, x), on(stream, table), on(stream, y), views, {});
    }
    EXPECT_TRUE(all_close(y.span<float>(), all.y, 0, 0));
    if (views.counts) {
      EXPECT_TRUE(all_close(statistics.counts.span<std::int64_t>(), all.counts, 0, 0));
    }
    if (views.sums) {
      EXPECT_TRUE(all_close(statistics.sums.span<double>(), all.sums, 0, 0));
    }
    if (views.non_finite) {
      EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], 0);
    }
  }
}

TEST_P(QuantizeTest, ReadsAndWritesNothingBesideItsViews) {
  Rng rng(8, RngPurpose::test);
  const TableTensors table = table_of(random_basis(1, 3, rng), CodeAlphabet::zero_one);
  constexpr std::int64_t margin = 32;
  for (std::int64_t n = 1; n <= 70; ++n) {
    Tensor x = Tensor::full({n + 2 * margin}, not_a_number);
    Tensor y = Tensor::full({n + 2 * margin}, 123.0F);
    x.slice(margin, margin + n).copy_from(random_normal({n}, 9));
    StatisticsTensors statistics({1, 8});
    kernels::quantize_forward(
        stream, on(stream, std::as_const(x).slice(margin, margin + n).reshape({1, n})),
        on(stream, table), on(stream, y.slice(margin, margin + n).reshape({1, n})),
        on(stream, statistics), {});
    EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], 0);
    for (std::int64_t i = 0; i < margin; ++i) {
      EXPECT_EQ(y.data<float>()[i], 123.0F);
      EXPECT_EQ(y.data<float>()[margin + n + i], 123.0F);
    }
  }
}

TEST_P(QuantizeTest, ResultsDoNotDependOnTheNumberOfThreads) {
  Rng rng(31, RngPurpose::test);
  const TableTensors one = table_of(random_basis(1, 3, rng), CodeAlphabet::zero_one);
  const TableTensors many = table_of(random_basis(7, 2, rng), CodeAlphabet::minus_plus_one);
  const Tensor flat = random_normal({1, 300'001}, 32), rows = random_normal({7, 66'000}, 33);
  const int before = num_threads();
  set_num_threads(1);
  const Outcome flat_alone = run(stream, flat, one), rows_alone = run(stream, rows, many);
  for (const int count : {2, 3, 8}) {
    set_num_threads(count);
    EXPECT_EQ(run(stream, flat, one), flat_alone) << count << " threads";
    EXPECT_EQ(run(stream, rows, many), rows_alone) << count << " threads";
  }
  set_num_threads(before);
}

/// Straight through within (low, high], by the formula.
std::vector<float> expected_gradient(const Tensor& x, const Tensor& grad_y, const Tensor& range,
                                     const std::vector<float>& start) {
  std::vector<float> gradient = start;
  const std::int64_t n = x.shape()[1];
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const float low = range.data<float>()[i / n * 2], high = range.data<float>()[i / n * 2 + 1];
    const float value = x.data<float>()[i];
    if (low < value && value <= high) gradient[i] += grad_y.data<float>()[i];
  }
  return gradient;
}

class QuantizeBackwardTest : public QuantizeTest {};

TEST_P(QuantizeBackwardTest, PassesTheGradientWithinTheRange) {
  Rng rng(41, RngPurpose::test);
  std::vector<Shape> shapes = {{2, 66'000}, {1, 131'073}, {3, 0}};
  for (std::int64_t n = 1; n <= 70; ++n) shapes.push_back({1 + n % 3, n});
  for (const Shape& shape : shapes) {
    const Tensor x = random_normal(shape, rng.next_u32());
    const Tensor grad_y = random_normal(shape, rng.next_u32());
    Tensor range({shape[0], 2});
    for (std::int64_t r = 0; r < shape[0]; ++r) {
      range.data<float>()[2 * r] = rng.below(3) == 0 ? -infinity : rng.uniform(-1.0F, 0.0F);
      range.data<float>()[2 * r + 1] = rng.below(3) == 0 ? infinity : rng.uniform(0.0F, 1.0F);
    }
    const auto backward = [&](Tensor& grad_x, GradientMode mode) {
      kernels::quantize_backward(stream, on(stream, grad_y), on(stream, x),
                                 on(stream, std::as_const(range)), on(stream, grad_x), mode);
    };
    const std::vector<float> zeros(shape.elements(), 0.0F);
    Tensor written = Tensor::full(shape, not_a_number);
    backward(written, GradientMode::overwrite);
    EXPECT_TRUE(all_close(written.span<float>(), expected_gradient(x, grad_y, range, zeros), 0, 0));

    Tensor added = random_normal(shape, rng.next_u32());
    const std::vector<float> start(added.span<float>().begin(), added.span<float>().end());
    backward(added, GradientMode::accumulate);
    EXPECT_TRUE(all_close(added.span<float>(), expected_gradient(x, grad_y, range, start), 0, 0));

    Tensor in_place = grad_y.clone();
    {
      auto gradient = on(stream, in_place);
      kernels::quantize_backward(stream, gradient, on(stream, x), on(stream, std::as_const(range)),
                                 gradient, GradientMode::overwrite);
    }
    EXPECT_TRUE(all_close(in_place.span<float>(), written.span<float>(), 0, 0));
  }
}

TEST_P(QuantizeBackwardTest, TheUpperEndBelongsToTheRangeAndTheLowerDoesNot) {
  const Tensor x = Tensor::from(std::vector{-1.0F, std::nextafter(-1.0F, 0.0F), 2.0F,
                                            std::nextafter(2.0F, 3.0F), not_a_number},
                                {1, 5});
  const Tensor range = Tensor::from(std::vector{-1.0F, 2.0F}, {1, 2});
  const Tensor grad_y = Tensor::full({1, 5}, 3.0F);
  Tensor grad_x = Tensor::full({1, 5}, not_a_number);
  kernels::quantize_backward(stream, on(stream, grad_y), on(stream, x), on(stream, range),
                             on(stream, grad_x), GradientMode::overwrite);
  EXPECT_TRUE(all_close(grad_x.span<float>(), std::vector{0, 3, 3, 0, 0}, 0, 0));
}

TEST_P(QuantizeBackwardTest, IgnoreModeNeedsNoOutput) {
  const Tensor x({1, 5}), range({1, 2});
  kernels::quantize_backward(stream, on(stream, x), on(stream, x), on(stream, range), {},
                             GradientMode::ignore);
}

TEST_P(QuantizeTest, PlanesAreTheCodesOfWhatIsWritten) {
  Rng rng(11, RngPurpose::synthetic);
  // Words that are pixels of their own or straddle them, chunks of work that end within pixels, and
  // none.
  for (const Shape& shape : {Shape{5, 3}, Shape{7, 32}, Shape{1, 64}, Shape{700, 96},
                             Shape{700, 24}, Shape{702, 16}, Shape{5, 16}, Shape{1100, 64}}) {
    for (int bits = 1; bits <= kernels::max_packed_bits; ++bits) {
      const TableTensors table = table_of(random_basis(1, bits, rng), CodeAlphabet::zero_one);
      const Tensor x = random_normal({1, shape.elements()}, rng.next_u32(), 0.1, 1.0);
      const Outcome alone = run(stream, x, table);
      Tensor y(x.shape()), planes = planes_for(x.reshape(shape), bits);
      StatisticsTensors statistics(table.levels.shape());
      kernels::quantize_forward(stream, on(stream, x), on(stream, table), on(stream, y),
                                on(stream, statistics), on<std::int32_t>(stream, planes));
      std::vector<int> codes;
      for (const float value : x.span<float>()) {
        const auto position = std::ranges::count_if(
            table.thresholds.span<float>(), [&](float threshold) { return value > threshold; });
        codes.push_back(table.codes.span<std::uint8_t>()[position]);
      }
      ASSERT_TRUE(has_codes(planes, codes, shape[1])) << bits << " bits, " << shape.to_string();
      EXPECT_TRUE(all_close(y.span<float>(), alone.y, 0, 0));
      EXPECT_TRUE(all_close(statistics.counts.span<std::int64_t>(), alone.counts, 0, 0));
      Tensor unobserved = planes_for(x.reshape(shape), bits);
      kernels::quantize_forward(stream, on(stream, x), on(stream, table), on(stream, y), {},
                                on<std::int32_t>(stream, unobserved));
      EXPECT_TRUE(has_codes(unobserved, codes, shape[1])) << bits << " bits, no statistics";
    }
  }
}

TEST_P(QuantizeTest, PlanesOfEqualLevelsAreThoseOfBitpack) {
  // A dead element: codes differ, levels do not.
  const TableTensors table =
      table_of(Tensor::from(std::vector{0.5F, 0.0F}, {1, 2}), CodeAlphabet::zero_one);
  const Tensor x = random_normal({1, 64 * 5}, 12, 0.2, 1.0);
  Tensor y(x.shape()), planes = planes_for(x.reshape({5, 64}), 2), packed = planes.clone();
  kernels::quantize_forward(stream, on(stream, x), on(stream, table), on(stream, y), {},
                            on<std::int32_t>(stream, planes));
  kernels::bitpack_forward(stream, on(stream, std::as_const(y).reshape({5, 64})), on(stream, table),
                           on<std::int32_t>(stream, packed));
  EXPECT_TRUE(all_close(planes.span<std::int32_t>(), packed.span<std::int32_t>(), 0, 0));
}

TEST_P(QuantizeTest, RefusesViewsThatDoNotFit) {
  const Device device = stream.device();
  const TableTensors tensors = TableTensors(2, 4).to(device);
  const kernels::LevelTableView table = tensors.view();
  const Tensor input({2, 6}, DType::f32, device), vector({12}, DType::f32, device),
      other({3, 4}, DType::f32, device);
  Tensor output({2, 6}, DType::f32, device), other_output({3, 4}, DType::f32, device);
  const ConstView<float> x = input.view<float>(), three = other.view<float>();
  const View<float> y = output.view<float>(), three_out = other_output.view<float>();
  const auto refused = [&](ConstView<float> from, const kernels::LevelTableView& with,
                           View<float> to, std::string_view message) {
    return throws_error([&] { kernels::quantize_forward(stream, from, with, to, {}, {}); },
                        message);
  };
  EXPECT_TRUE(refused(vector.view<float>(), table, y, "quantize_forward: x is 12, expected R x n"));
  EXPECT_TRUE(refused({nullptr, {2, 6}}, table, y, "quantize_forward: x is absent"));
  EXPECT_TRUE(refused(elsewhere(x), table, y,
                      fmt::format("quantize_forward: x is on cuda:7, expected {}", device)));
  EXPECT_TRUE(refused(x, table, three_out, "quantize_forward: y is 3x4, expected 2x6"));
  EXPECT_TRUE(refused(x, table, {}, "quantize_forward: y is absent, expected 2x6"));
  EXPECT_TRUE(refused(x, table, elsewhere(y), "quantize_forward: y is on cuda:7"));
  EXPECT_TRUE(refused(three, table, three_out, "quantize_forward: levels is 2x4, expected 3x4"));
  EXPECT_TRUE(refused(x, {}, y, "quantize_forward: levels is scalar, expected 2 x L"));
  kernels::LevelTableView without_codes = table;
  without_codes.codes = {};
  EXPECT_TRUE(refused(x, without_codes, y, "quantize_forward: codes is absent, expected 2x4"));
  StatisticsTensors narrow({2, 3});
  EXPECT_TRUE(
      throws_error([&] { kernels::quantize_forward(stream, x, table, y, on(stream, narrow), {}); },
                   "quantize_forward: counts is 2x3, expected 2x4"));
}

TEST_P(QuantizeTest, RefusesPlanesThatDoNotFit) {
  const Device device = stream.device();
  const TableTensors one = TableTensors(1, 4).to(device), two = TableTensors(2, 4).to(device);
  const TableTensors of_five_bits = TableTensors(1, 32).to(device);
  const auto refused = [&](const TableTensors& table, const Shape& planes,
                           std::string_view message) {
    const std::int64_t rows = table.levels.shape()[0];
    Tensor x({rows, 12 / rows}, DType::f32, device), y(x.shape(), DType::f32, device);
    Tensor codes(planes, DType::i32, device);
    return throws_error(
        [&] {
          kernels::quantize_forward(stream, std::as_const(x).view<float>(), table.view(),
                                    y.view<float>(), {}, codes.view<std::int32_t>());
        },
        message);
  };
  EXPECT_TRUE(refused(one, {3, 4, 1}, "quantize_forward: planes is 3x4x1, expected 2x4x1"));
  EXPECT_TRUE(refused(one, {2, 5, 1}, "quantize_forward: planes is 2x5x1, expected 2x12x1"));
  EXPECT_TRUE(refused(one, {2, 12}, "quantize_forward: planes is 2x12, expected 2x12x1"));
  EXPECT_TRUE(refused(two, {2, 4, 1}, "quantize_forward: levels is 2x4, expected 1x4"));
  EXPECT_TRUE(
      refused(of_five_bits, {5, 4, 1}, "quantize_forward: 32 levels, expected 2, 4, 8 or 16"));
}

TEST_P(QuantizeBackwardTest, RefusesViewsThatDoNotFit) {
  const Device device = stream.device();
  const Tensor input({2, 6}, DType::f32, device), two_rows({2, 2}, DType::f32, device),
      one_row({1, 2}, DType::f32, device);
  Tensor output({2, 6}, DType::f32, device), other({3, 4}, DType::f32, device);
  const ConstView<float> x = input.view<float>(), range = two_rows.view<float>();
  const View<float> y = output.view<float>(), three = other.view<float>();
  const auto refused = [this](ConstView<float> grad_y, ConstView<float> from,
                              ConstView<float> within, View<float> grad_x,
                              std::string_view message) {
    return throws_error(
        [&] {
          kernels::quantize_backward(stream, grad_y, from, within, grad_x, GradientMode::overwrite);
        },
        message);
  };
  EXPECT_TRUE(refused(x, elsewhere(x), range, y, "quantize_backward: x is on cuda:7"));
  EXPECT_TRUE(refused({}, x, range, y, "quantize_backward: grad_y is absent, expected 2x6"));
  EXPECT_TRUE(refused(three, x, range, y, "quantize_backward: grad_y is 3x4, expected 2x6"));
  EXPECT_TRUE(refused(x, x, one_row.view<float>(), y,
                      "quantize_backward: pass_range is 1x2, expected 2x2"));
  EXPECT_TRUE(refused(x, x, {}, y, "quantize_backward: pass_range is absent, expected 2x2"));
  EXPECT_TRUE(refused(x, x, elsewhere(range), y, "quantize_backward: pass_range is on cuda:7"));
  EXPECT_TRUE(refused(x, x, range, three, "quantize_backward: grad_x is 3x4, expected 2x6"));
  EXPECT_TRUE(refused(x, x, range, {}, "quantize_backward: grad_x is absent, expected 2x6"));
}

TEST_P(QuantizeTest, MoreRowsThanAnAxisOfAGridHasBlocks) {
  // Of fully connected layers with so many outputs; a row's table is its own.
  constexpr std::int64_t rows = 65'537;
  std::vector<float> basis(rows);
  for (std::int64_t r = 0; r < rows; ++r) basis[r] = 1.0F + static_cast<float>(r);
  const TableTensors table = table_of(Tensor::from(basis, {rows, 1}), CodeAlphabet::minus_plus_one);
  Tensor x({rows, 2}), y({rows, 2}), pass_range({rows, 2}), gradient({rows, 2});
  for (std::int64_t r = 0; r < rows; ++r) {
    x.data<float>()[2 * r] = -0.5F;
    x.data<float>()[2 * r + 1] = 0.5F;
    pass_range.data<float>()[2 * r] = r % 2 == 0 ? -1.0F : 0.0F;
    pass_range.data<float>()[2 * r + 1] = 1.0F;
  }
  kernels::quantize_forward(stream, on(stream, std::as_const(x)), on(stream, table), on(stream, y),
                            {}, {});
  kernels::quantize_backward(stream, on(stream, std::as_const(x)), on(stream, std::as_const(x)),
                             on(stream, std::as_const(pass_range)), on(stream, gradient),
                             GradientMode::overwrite);
  for (std::int64_t r = 0; r < rows; ++r) {
    ASSERT_EQ(y.data<float>()[2 * r], -basis[r]);
    ASSERT_EQ(y.data<float>()[2 * r + 1], basis[r]);
    ASSERT_EQ(gradient.data<float>()[2 * r], r % 2 == 0 ? -0.5F : 0.0F);
    ASSERT_EQ(gradient.data<float>()[2 * r + 1], 0.5F);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, QuantizeTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);
INSTANTIATE_TEST_SUITE_P(Backends, QuantizeBackwardTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
