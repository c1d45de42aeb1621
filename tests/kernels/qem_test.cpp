#include "kernels/qem/qem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/quantize/quantize.h"
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

using kernels::QemOptions;

constexpr double float_epsilon = std::numeric_limits<float>::epsilon();

/// Options under which the basis after one step is the solution itself.
QemOptions solution_only(CodeAlphabet alphabet, double ridge = 0.0) {
  return {.alphabet = alphabet, .ridge = ridge};
}

/// Bases of R quantizers and their moving average.
struct State {
  Tensor basis;
  Tensor biased;
  Tensor step = Tensor::zeros({1}, DType::i64);

  explicit State(Tensor basis_) : basis(basis_.clone()), biased(Tensor::zeros(basis.shape())) {}

  kernels::QemState view() {
    return {basis.view<float>(), biased.view<float>(), step.view<std::int64_t>()};
  }
};

/// Level statistics of R rows, filled by hand.
struct Statistics {
  Tensor counts;
  Tensor sums;
  Tensor codes;

  Statistics(std::int64_t rows, int bits)
      : counts(Tensor::zeros({rows, 1 << bits}, DType::i64)),
        sums(Tensor::zeros({rows, 1 << bits}, DType::f64)),
        codes(Tensor::zeros({rows, 1 << bits}, DType::u8)) {
    for (std::int64_t i = 0; i < codes.elements(); ++i) {
      codes.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i % (1 << bits));
    }
  }

  /// Gives position l of row r `count` values that add up to `sum`.
  void set(std::int64_t r, std::int64_t l, std::int64_t count, double sum) {
    counts.data<std::int64_t>()[r * counts.shape()[1] + l] = count;
    sums.data<double>()[r * counts.shape()[1] + l] = sum;
  }
};

/// Moves the state to the stream's device and back.
class StagedState {
 public:
  StagedState(Stream& stream, State& host) : host_(host) { move_to(stream.device()); }
  ~StagedState() { move_to(Device{}); }
  StagedState(const StagedState&) = delete;
  StagedState& operator=(const StagedState&) = delete;

  operator kernels::QemState() { return host_.view(); }  // NOLINT: implicit on purpose

 private:
  void move_to(Device device) {
    for (Tensor* tensor : {&host_.basis, &host_.biased, &host_.step}) tensor->move_to(device);
  }

  State& host_;
};

using lq::testing::on;
StagedState on(Stream& stream, State& state) { return {stream, state}; }

class QemTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  void update(const Statistics& statistics, const QemOptions& options, State& state) {
    kernels::qem_update(stream, on<std::int64_t>(stream, statistics.counts),
                        on<double>(stream, statistics.sums),
                        on<std::uint8_t>(stream, statistics.codes), options, on(stream, state));
  }

  /// One whole step of training: table, codes and statistics of x (R x n), update.
  void step(const Tensor& x, const QemOptions& options, State& state) {
    const TableTensors table = table_of(state.basis, options.alphabet);
    StatisticsTensors statistics(table.levels.shape());
    Tensor y(x.shape());
    kernels::quantize_forward(stream, on(stream, x), on(stream, table), on(stream, y),
                              on(stream, statistics), {});
    ASSERT_EQ(statistics.non_finite.span<std::int32_t>()[0], 0);
    kernels::qem_update(stream, on<std::int64_t>(stream, std::as_const(statistics.counts)),
                        on<double>(stream, std::as_const(statistics.sums)),
                        on<std::uint8_t>(stream, table.codes), options, on(stream, state));
  }

  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

Tensor row(const std::vector<float>& values) {
  return Tensor::from(values, {1, std::ssize(values)});
}

// ---- The solution

const std::vector<float> golden_weights{-0.9F, -0.35F, -0.1F, 0.05F, 0.2F, 0.4F, 0.75F, 1.2F};

TEST_P(QemTest, GoldenWeights) {
  State state(row({0.2F, 0.5F}));
  const QuantizerOracle before(state.basis.span<float>(), CodeAlphabet::minus_plus_one);
  step(row(golden_weights), solution_only(CodeAlphabet::minus_plus_one, 1e-4), state);
  EXPECT_TRUE(all_close(state.basis.span<float>(), std::vector{0.364997517, 0.584998317}, 1e-7, 0));

  EXPECT_NEAR(static_cast<double>(before.squared_error(golden_weights)), 0.4175, 1e-6);
  // The error that the solution minimises: codes as they were.
  const QuantizerOracle after(state.basis.span<float>(), CodeAlphabet::minus_plus_one);
  long double error = 0;
  for (const float x : golden_weights) {
    const long double distance = x - after.level(before.nearest(x).code);
    error += distance * distance;
  }
  EXPECT_NEAR(static_cast<double>(error), 0.1980, 5e-5);
}

TEST_P(QemTest, LowestLevelOfANegativeBasisCountsWithItsOwnCode) {
  State state(row({-0.2F, 0.5F}));
  step(row(golden_weights), solution_only(CodeAlphabet::minus_plus_one), state);
  EXPECT_TRUE(all_close(state.basis.span<float>(), std::vector{-0.365, 0.585}, 1e-6, 0));
}

TEST_P(QemTest, GoldenActivations) {
  State state(row({0.4496667F, 0.8993333F}));
  step(row({0.0F, 0.0F, 0.1F, 0.3F, 0.5F, 0.7F, 0.9F, 1.1F, 1.3F, 2.0F}),
       solution_only(CodeAlphabet::zero_one), state);
  EXPECT_TRUE(all_close(state.basis.span<float>(), std::vector{0.53125, 0.9875}, 1e-6, 0));
}

TEST_P(QemTest, WholeStepMatchesNormalEquationsOfAllCodes) {
  Rng rng(51, RngPurpose::test);
  for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
    for (int bits = 1; bits <= 6; ++bits) {
      for (const double ridge : {0.0, 1e-4, 3.0}) {
        constexpr std::int64_t rows = 3;
        const std::int64_t n = 70 * bits * bits + random_integer(rng, 0, 16);
        State state(random_basis(rows, bits, rng));
        const Tensor old = state.basis.clone();
        Tensor x({rows, n});
        for (std::int64_t r = 0; r < rows; ++r) {
          const QuantizerOracle oracle(old.slice(r, r + 1).span<float>(), alphabet);
          for (std::int64_t i = 0; i < n; ++i) {
            double value = rng.normal();
            // Away from ties, where rounding decides the code.
            while (oracle.nearest(value).margin < 1e-5) value = rng.normal();
            x.data<float>()[r * n + i] = static_cast<float>(value);
          }
        }
        step(x, solution_only(alphabet, ridge), state);
        for (std::int64_t r = 0; r < rows; ++r) {
          const QuantizerOracle oracle(old.slice(r, r + 1).span<float>(), alphabet);
          const auto solution = oracle.least_squares(x.slice(r, r + 1).span<float>(), ridge);
          ASSERT_EQ(std::ssize(solution), bits);
          // The sums that enter are rounded to single precision in places, by some 1e-7 of the
          // sum of all magnitudes; unevenly used codes amplify that by the condition number,
          // which stays below a few hundred here.
          EXPECT_TRUE(all_close(state.basis.slice(r, r + 1).span<float>(), solution, 0.0, 2e-5))
              << bits << " bits, ridge " << ridge << ", row " << r;
        }
      }
    }
  }
}

/// Random values, statistics of their nearest codes in double, positions in any order.
Statistics statistics_of(const std::vector<float>& x, const QuantizerOracle& oracle, Rng& rng) {
  const int size = oracle.codes();
  Statistics statistics(1, static_cast<int>(oracle.basis.size()));
  std::vector<std::int64_t> position(size);
  for (int code = 0; code < size; ++code) {
    const std::uint32_t other = rng.below(static_cast<std::uint32_t>(code) + 1);
    position[code] = position[other];
    position[other] = code;
  }
  for (int code = 0; code < size; ++code) {
    statistics.codes.data<std::uint8_t>()[position[code]] = static_cast<std::uint8_t>(code);
  }
  for (const float value : x) {
    const std::int64_t at = position[oracle.nearest(value).code];
    statistics.counts.data<std::int64_t>()[at] += 1;
    statistics.sums.data<double>()[at] += static_cast<double>(value);
  }
  return statistics;
}

TEST_P(QemTest, ExactStatisticsGiveTheSolutionToSinglePrecision) {
  Rng rng(52, RngPurpose::test);
  for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
    for (int bits = 1; bits <= 8; ++bits) {
      for (const double ridge : {0.0, 1e-4, 5.0}) {
        State state(random_basis(1, bits, rng));
        const QuantizerOracle oracle(state.basis.span<float>(), alphabet);
        std::vector<float> x(100 << (bits / 2));
        for (float& value : x) value = static_cast<float>(rng.normal());
        const auto solution = oracle.least_squares(x, ridge);
        ASSERT_EQ(std::ssize(solution), bits);
        const Statistics statistics = statistics_of(x, oracle, rng);
        update(statistics, solution_only(alphabet, ridge), state);
        // One rounding of the result; what double loses is far below that.
        EXPECT_TRUE(all_close(state.basis.span<float>(), solution, float_epsilon, 1e-9))
            << bits << " bits, ridge " << ridge;
      }
    }
  }
}

TEST_P(QemTest, RidgePerValueScalesWithTheNumberOfValues) {
  Rng rng(53, RngPurpose::test);
  const State start(random_basis(1, 3, rng));
  const QuantizerOracle oracle(start.basis.span<float>(), CodeAlphabet::zero_one);
  std::vector<float> x(600);
  for (float& value : x) value = static_cast<float>(rng.normal());
  const Statistics statistics = statistics_of(x, oracle, rng);
  State state(start.basis);
  update(statistics, {.alphabet = CodeAlphabet::zero_one, .ridge = 2.0, .ridge_per_value = 0.01},
         state);
  EXPECT_TRUE(all_close(state.basis.span<float>(), oracle.least_squares(x, 2.0 + 0.01 * 600),
                        float_epsilon, 1e-9));
}

TEST_P(QemTest, RowsAreIndependent) {
  constexpr std::int64_t rows = 70;  // more than a block of a device has
  Rng rng(54, RngPurpose::test);
  const Tensor basis = random_basis(rows, 2, rng);
  const Tensor x = random_normal({rows, 60}, 55);
  const QemOptions options = solution_only(CodeAlphabet::minus_plus_one, 1e-4);
  State together(basis);
  step(x, options, together);
  step(x, options, together);
  EXPECT_EQ(together.step.span<std::int64_t>()[0], 2);
  for (std::int64_t r = 0; r < rows; ++r) {
    State alone(basis.slice(r, r + 1));
    step(x.slice(r, r + 1), options, alone);
    step(x.slice(r, r + 1), options, alone);
    EXPECT_TRUE(
        all_close(together.basis.slice(r, r + 1).span<float>(), alone.basis.span<float>(), 0, 0));
  }
}

// ---- The moving average

/// Updates a one-bit quantizer whose solutions are given: one value in the upper cell.
std::vector<float> averages(const std::vector<double>& solutions, QemOptions options,
                            Stream& stream, State& state) {
  std::vector<float> bases;
  for (const double solution : solutions) {
    Statistics statistics(1, 1);
    statistics.set(0, 1, 1, solution);
    kernels::qem_update(stream, on<std::int64_t>(stream, statistics.counts),
                        on<double>(stream, statistics.sums),
                        on<std::uint8_t>(stream, statistics.codes), options, on(stream, state));
    bases.push_back(state.basis.span<float>()[0]);
  }
  return bases;
}

std::vector<float> averages(const std::vector<double>& solutions, const QemOptions& options,
                            Stream& stream) {
  State state(row({1.0F}));
  std::vector<float> bases = averages(solutions, options, stream, state);
  EXPECT_EQ(state.step.span<std::int64_t>()[0], std::ssize(solutions));
  return bases;
}

TEST_P(QemTest, GoldenAverages) {
  const std::vector<double> solutions{2, 3, 4};
  EXPECT_TRUE(
      all_close(averages(solutions, {}, stream), std::vector{2.0, 2.526316, 3.070111}, 0, 1e-6));
  EXPECT_TRUE(all_close(averages(solutions, {.debias = false}, stream),
                        std::vector{1.1, 1.29, 1.561}, 1e-7, 0));
}

TEST_P(QemTest, DebiasedAverageIsTheWeightedMeanOfAllSolutions) {
  Rng rng(56, RngPurpose::test);
  for (const double momentum : {0.0, 0.5, 0.9, 0.99}) {
    std::vector<double> solutions(300);
    for (double& solution : solutions) solution = rng.normal();
    const auto bases = averages(solutions, {.momentum = momentum}, stream);
    long double sum = 0, weight = 0;
    for (std::size_t t = 0; t < solutions.size(); ++t) {
      sum = momentum * sum + solutions[t];
      weight = momentum * weight + 1;
      // The running sum is rounded to float in each step, and a rounding fades like the values
      // themselves do.
      ASSERT_NEAR(bases[t], static_cast<double>(sum / weight),
                  2 * float_epsilon * std::max(1.0, 1.0 / (1.0 - momentum)))
          << "momentum " << momentum << ", step " << t + 1;
    }
  }
}

TEST_P(QemTest, ADebiasedAverageGoesOnFromAPlainOne) {
  State state(row({1.0F}));
  const std::vector<double> solutions{2, 3, 4, 5};
  const double plain = averages(solutions, {.debias = false}, stream, state).back();
  const double weight = 1 - std::pow(0.9, 4);  // of what came before
  EXPECT_TRUE(all_close(averages({10.0}, {}, stream, state),
                        std::vector{(0.9 * weight * plain + 0.1 * 10) / (0.9 * weight + 0.1)}, 0,
                        4 * float_epsilon));
}

TEST_P(QemTest, FirstDebiasedStepForgetsTheInitialBasis) {
  EXPECT_EQ(averages({7.0}, {}, stream), (std::vector{7.0F}));
  EXPECT_EQ(averages({7.0}, {.momentum = 0.0, .debias = false}, stream), (std::vector{7.0F}));
}

// ---- Systems without a solution

TEST_P(QemTest, SingularSystemKeepsTheBasis) {
  // All values have the codes (s, s): the system says nothing about the difference.
  for (const bool debias : {true, false}) {
    QemOptions options = solution_only(CodeAlphabet::minus_plus_one);
    options.debias = debias;
    State state(row({0.25F, 0.5F}));
    Statistics statistics(1, 2);
    statistics.set(0, 0, 10, -9.0);
    statistics.set(0, 3, 10, 9.0);
    for (int repeat = 0; repeat < 5; ++repeat) update(statistics, options, state);
    EXPECT_TRUE(all_close(state.basis.span<float>(), std::vector{0.25, 0.5}, 4 * float_epsilon, 0));
  }
}

TEST_P(QemTest, RidgeMovesASingularSystemNoFurtherThanTheValuesSay) {
  // Proximal: the nearest of all solutions to the old basis. v0 + v1 = 0.9, difference kept.
  const QemOptions options[] = {
      {.alphabet = CodeAlphabet::minus_plus_one, .ridge = 1e-4},
      {.alphabet = CodeAlphabet::minus_plus_one, .ridge_per_value = 1e-7},
  };
  for (const QemOptions& option : options) {
    for (const std::int64_t count : {10LL, 4608LL, 1'000'000LL}) {
      State state(row({0.25F, 0.5F}));
      Statistics statistics(1, 2);
      statistics.set(0, 0, count, -0.9 * static_cast<double>(count));
      statistics.set(0, 3, count, 0.9 * static_cast<double>(count));
      update(statistics, option, state);
      // The ridge pulls by its share of the counts, at most 1e-5 here; rounding in double
      // against it grows with the counts, to 1e-16 * 1e6 / 1e-4.
      EXPECT_TRUE(all_close(state.basis.span<float>(), std::vector{0.325, 0.575}, 0, 1e-4))
          << count << " values";
    }
  }
}

TEST_P(QemTest, NoValuesKeepTheBasis) {
  for (const double ridge : {0.0, 1e-4}) {
    State state(row({0.25F, -0.5F}));
    const Statistics nothing(1, 2);
    for (int repeat = 0; repeat < 5; ++repeat) {
      update(nothing, solution_only(CodeAlphabet::zero_one, ridge), state);
    }
    EXPECT_TRUE(
        all_close(state.basis.span<float>(), std::vector{0.25, -0.5}, 4 * float_epsilon, 0));
  }
}

TEST_P(QemTest, SumsThatAreNotFiniteTouchNoBasis) {
  using Limits = std::numeric_limits<double>;
  for (const double bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), 1e300}) {
    State state(Tensor::from(std::vector{0.5F, 0.5F}, {2, 1}));
    Statistics statistics(2, 1);
    statistics.set(0, 1, 3, bad);
    statistics.set(1, 1, 3, 6.0);
    update(statistics, solution_only(CodeAlphabet::zero_one, 1e-4), state);
    EXPECT_NEAR(state.basis.span<float>()[0], 0.5F, float_epsilon) << bad;
    EXPECT_NEAR(state.basis.span<float>()[1], 2.0F, 1e-4) << bad;  // the other row goes on
  }
}

TEST_P(QemTest, ASolutionBeyondFloatKeepsTheBasis) {
  // Largest floats at codes 1 and 3: the second element would be twice as large.
  const double largest = std::numeric_limits<float>::max();
  State state(row({0.25F, 0.5F}));
  Statistics statistics(1, 2);
  statistics.set(0, 1, 1, -largest);
  statistics.set(0, 3, 1, largest);
  update(statistics, solution_only(CodeAlphabet::zero_one), state);
  EXPECT_TRUE(all_close(state.basis.span<float>(), std::vector{0.25, 0.5}, float_epsilon, 0));
}

TEST_P(QemTest, DegenerateInputNeverYieldsNonFiniteBases) {
  using Limits = std::numeric_limits<float>;
  Tensor two_values = Tensor::full({1, 64}, -0.5F);
  for (std::int64_t i = 0; i < 64; i += 2) two_values.data<float>()[i] = 0.5F;
  const Tensor inputs[] = {Tensor::zeros({1, 64}),
                           Tensor::full({1, 64}, 0.7F),
                           Tensor::full({1, 64}, -3.0F),
                           Tensor::full({1, 1}, 2.0F),
                           Tensor::full({1, 4}, Limits::max()),
                           Tensor::full({1, 64}, 1e36F),
                           Tensor::full({1, 64}, Limits::denorm_min()),
                           random_normal({1, 3}, 1, 0.0, 1e-42),
                           row({Limits::max(), Limits::lowest(), 0.0F, 1.0F}),
                           two_values,
                           random_normal({1, 64}, 2)};
  for (const Tensor& x : inputs) {
    for (int bits = 1; bits <= 4; ++bits) {
      std::vector<Tensor> starts = {Tensor::zeros({1, bits}), Tensor::full({1, bits}, 0.5F),
                                    Tensor::full({1, bits}, -1e-30F)};
      for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
        for (const Tensor& start : starts) {
          for (const QemOptions& options :
               {QemOptions{.alphabet = alphabet}, QemOptions{.alphabet = alphabet, .ridge = 1e-4},
                QemOptions{.alphabet = alphabet, .ridge_per_value = 1e-7}}) {
            State state(start);
            // A device in software is slow.
            const int repeats = is_elsewhere(stream) ? 2 : 20;
            for (int repeat = 0; repeat < repeats; ++repeat) {
              ASSERT_NO_FATAL_FAILURE(step(x, options, state));
              for (const float element : state.basis.span<float>()) {
                ASSERT_TRUE(std::isfinite(element))
                    << bits << " bits, first value " << x.span<float>()[0] << ", update " << repeat;
              }
            }
          }
        }
      }
    }
  }
}

TEST_P(QemTest, RecoversFromEqualBasisElements) {
  // From nothing and from twins, QEM finds as good a quantizer as from a sensible start.
  const Tensor x = random_normal({1, 4000}, 57);
  for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
    const auto error_from = [&](const std::vector<float>& start) {
      State state(row(start));
      const QemOptions options{.alphabet = alphabet, .ridge_per_value = 1e-7};
      for (int repeat = 0; repeat < 300; ++repeat) step(x, options, state);
      return static_cast<double>(
          QuantizerOracle(state.basis.span<float>(), alphabet).squared_error(x.span<float>()));
    };
    const double sensible = error_from({0.5F, 1.0F});
    EXPECT_LT(error_from({0.5F, 0.5F}), 1.01 * sensible);
    EXPECT_LT(error_from({0.0F, 0.0F}), 1.01 * sensible);
  }
}

TEST_P(QemTest, RefusesViewsThatDoNotFit) {
  State tensors(row({0.25F, 0.5F}));
  StagedState state(stream, tensors);
  const Statistics statistics(1, 2);
  const auto counts = on<std::int64_t>(stream, statistics.counts);
  const auto sums = on<double>(stream, statistics.sums);
  const auto codes = on<std::uint8_t>(stream, statistics.codes);
  struct Arguments {
    ConstView<std::int64_t> counts;
    ConstView<double> sums;
    ConstView<std::uint8_t> codes;
    kernels::QemState state;
  };
  const Arguments good{counts, sums, codes, state};
  const auto refused = [this](const Arguments& arguments, std::string_view message) {
    return throws_error(
        [&] {
          kernels::qem_update(stream, arguments.counts, arguments.sums, arguments.codes, {},
                              arguments.state);
        },
        message);
  };
  /// `view_of` picks a view out of arguments.
  const auto expect_checked = [&](auto view_of, const std::string& name) {
    Arguments arguments = good;
    view_of(arguments).data = nullptr;
    EXPECT_TRUE(refused(arguments, "qem_update: " + name + " is absent"));
    arguments = good;
    view_of(arguments) = elsewhere(view_of(arguments));
    EXPECT_TRUE(refused(
        arguments, fmt::format("qem_update: {} is on cuda:7, expected {}", name, stream.device())));
    arguments = good;
    view_of(arguments).shape = {3, 3};
    EXPECT_TRUE(refused(arguments, name == "basis" ? "is 1x2, expected 3x3"
                                                   : "qem_update: " + name + " is 3x3, expected "));
  };
  expect_checked(
      [](Arguments & all) -> auto& { return all.state.basis; }, "basis");
  expect_checked(
      [](Arguments & all) -> auto& { return all.state.biased; }, "biased");
  expect_checked(
      [](Arguments & all) -> auto& { return all.state.step; }, "step");
  expect_checked(
      [](Arguments & all) -> auto& { return all.counts; }, "counts");
  expect_checked(
      [](Arguments & all) -> auto& { return all.sums; }, "sums");
  expect_checked(
      [](Arguments & all) -> auto& { return all.codes; }, "codes");
  State wide(Tensor::zeros({1, 9}));
  EXPECT_TRUE(throws_error([&] { update(statistics, {}, wide); },
                           "qem_update: basis is 1x9, expected R x K with K from 1 to 8"));
  EXPECT_EQ(tensors.step.to(Device{}).span<std::int64_t>()[0], 0)
      << "a refused update counts as a step";
}

TEST_P(QemTest, RefusesOptionsOutOfRange) {
  State state(row({0.25F, 0.5F}));
  const Statistics statistics(1, 2);
  const auto refused = [&](const QemOptions& options, std::string_view message) {
    return throws_error([&] { update(statistics, options, state); }, message);
  };
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double momentum : {1.0, -0.1, not_a_number}) {
    EXPECT_TRUE(refused({.momentum = momentum}, "expected 0 <= momentum < 1"));
  }
  for (const double ridge : {-1e-4, infinity, not_a_number}) {
    constexpr std::string_view message = "expected finite numbers, at least 0";
    EXPECT_TRUE(refused({.ridge = ridge}, message));
    EXPECT_TRUE(refused({.ridge_per_value = ridge}, message));
  }
  EXPECT_EQ(state.step.span<std::int64_t>()[0], 0) << "a refused update counts as a step";
}

INSTANTIATE_TEST_SUITE_P(Backends, QemTest, ::testing::ValuesIn(all_backends()), backend_case_name);

}  // namespace
}  // namespace lq::testing
