#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/tensor.h"
#include "core/threads.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::GradientMode;
using Labels = std::vector<std::int32_t>;

constexpr double float_epsilon = std::numeric_limits<float>::epsilon();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

Tensor labels_of(const Labels& labels) {
  return Tensor::from(labels, {static_cast<std::int64_t>(labels.size())});
}

Tensor random_labels(std::int64_t batch, std::int64_t classes, std::uint64_t seed) {
  Rng rng(seed, RngPurpose::test);
  Labels labels(static_cast<std::size_t>(batch));
  for (std::int32_t& label : labels) {
    label = static_cast<std::int32_t>(random_integer(rng, 0, classes - 1));
  }
  return labels_of(labels);
}

struct ForwardResult {
  Tensor probabilities;
  float loss = not_a_number;
};

ForwardResult forward(Stream& stream, const Tensor& logits, const Tensor& labels) {
  ForwardResult result{Tensor(logits.shape())};
  Tensor loss(Shape{});
  kernels::softmax_cross_entropy_forward(stream, on(stream, logits),
                                         on<std::int32_t>(stream, labels),
                                         on(stream, result.probabilities), on(stream, loss));
  result.loss = loss.span<float>()[0];
  return result;
}

using Counts = std::vector<std::int64_t>;

/// Of top 1 to top `tops`.
Counts correct(Stream& stream, const Tensor& logits, const Tensor& labels, std::int64_t tops) {
  Tensor counts = Tensor::from(Counts(tops, -1), {tops});
  kernels::count_correct(stream, on(stream, logits), on<std::int32_t>(stream, labels),
                         on<std::int64_t>(stream, counts));
  const auto values = counts.span<std::int64_t>();
  return {values.begin(), values.end()};
}

std::int64_t correct(Stream& stream, const Tensor& logits, const Tensor& labels) {
  return correct(stream, logits, labels, 1).front();
}

// ---- Known answers, for the oracle as well

class SoftmaxCrossEntropyKnownAnswerTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
};

TEST_P(SoftmaxCrossEntropyKnownAnswerTest, SmallCase) {
  const auto log_of = [](double value) { return static_cast<float>(std::log(value)); };
  const Tensor logits = Tensor::from(std::vector<float>{0, log_of(2), log_of(5), 3, 3, 3}, {2, 3});
  const ForwardResult result = forward(stream, logits, labels_of({1, 0}));
  const std::vector<double> expected{1.0 / 8, 2.0 / 8, 5.0 / 8, 1.0 / 3, 1.0 / 3, 1.0 / 3};
  EXPECT_TRUE(all_close(result.probabilities.span<float>(), expected, 4 * float_epsilon, 0));
  EXPECT_NEAR(result.loss, (std::log(4.0) + std::log(3.0)) / 2, 4 * float_epsilon);

  const Tensor grad_loss = Tensor::full(Shape{}, 2.0F);
  Tensor grad_logits = Tensor::full({2, 3}, not_a_number);
  kernels::softmax_cross_entropy_backward(stream, on(stream, grad_loss),
                                          on(stream, result.probabilities),
                                          on<std::int32_t>(stream, labels_of({1, 0})),
                                          on(stream, grad_logits), GradientMode::overwrite);
  const std::vector<double> expected_gradient{1.0 / 8,  -6.0 / 8, 5.0 / 8,
                                              -2.0 / 3, 1.0 / 3,  1.0 / 3};
  EXPECT_TRUE(all_close(grad_logits.span<float>(), expected_gradient, 4 * float_epsilon, 0));
}

TEST_P(SoftmaxCrossEntropyKnownAnswerTest, LargeLogitsNeitherOverflowNorVanish) {
  const float huge = std::numeric_limits<float>::max();
  const Tensor logits = Tensor::from(
      std::vector<float>{1000, 0, 0, 1000, 1e30F, -1e30F, -1000, -1001, huge, huge}, {5, 2});
  const auto loss_of = [&](std::int64_t row, std::int32_t label) {
    return forward(stream, logits.slice(row, row + 1), labels_of({label})).loss;
  };
  EXPECT_EQ(loss_of(0, 0), 0.0F);
  EXPECT_EQ(loss_of(0, 1), 1000.0F);
  EXPECT_EQ(loss_of(1, 0), 1000.0F);
  EXPECT_EQ(loss_of(2, 1), 2e30F);
  EXPECT_NEAR(loss_of(3, 1), 1 + std::log1p(std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(loss_of(4, 0), std::log(2.0), 1e-6);
}

TEST_P(SoftmaxCrossEntropyKnownAnswerTest, ImpossibleClassesAndOnlyOneClass) {
  const Tensor logits = Tensor::from(std::vector<float>{0, -infinity}, {1, 2});
  const ForwardResult result = forward(stream, logits, labels_of({0}));
  EXPECT_EQ(result.loss, 0.0F);
  EXPECT_EQ(result.probabilities.span<float>()[1], 0.0F);
  EXPECT_EQ(forward(stream, Tensor::full({3, 1}, 7.0F), labels_of({0, 0, 0})).loss, 0.0F);
}

TEST_P(SoftmaxCrossEntropyKnownAnswerTest, DivergedLogitsShowInTheLoss) {
  for (const float bad : {not_a_number, infinity}) {
    for (const std::int32_t label : {0, 1, 2}) {
      const Tensor logits = Tensor::from(std::vector<float>{0, bad, 1}, {1, 3});
      EXPECT_TRUE(std::isnan(forward(stream, logits, labels_of({label})).loss)) << bad << label;
    }
  }
}

TEST_P(SoftmaxCrossEntropyKnownAnswerTest, CountCorrect) {
  const Tensor logits =
      Tensor::from(std::vector<float>{1, 2, 3, 3, 2, 1, -1, -1, -2, infinity, 0, 0}, {4, 3});
  EXPECT_EQ(correct(stream, logits, labels_of({2, 0, 0, 0})), 4);
  EXPECT_EQ(correct(stream, logits, labels_of({1, 1, 2, 1})), 0);
  EXPECT_EQ(correct(stream, logits, labels_of({2, 1, 0, 1})), 2);
}

TEST_P(SoftmaxCrossEntropyKnownAnswerTest, TiesGoToTheLowestClass) {
  const Tensor logits = Tensor::from(std::vector<float>{5, 7, 7}, {1, 3});
  EXPECT_EQ(correct(stream, logits, labels_of({1})), 1);
  EXPECT_EQ(correct(stream, logits, labels_of({2})), 0);
}

TEST_P(SoftmaxCrossEntropyKnownAnswerTest, CountsLabelsAmongTheFirstPredictions) {
  const Tensor logits = Tensor::from(std::vector<float>{4, 1, 3, 2, 2, -infinity}, {1, 6});
  const std::vector<std::int32_t> order{0, 2, 3, 4, 1, 5};  // of equal logits, the lower class
  for (std::int64_t tops = 1; tops <= 6; ++tops) {
    for (std::int64_t place = 0; place < 6; ++place) {
      Counts expected;
      for (std::int64_t t = 0; t < tops; ++t) expected.push_back(place <= t ? 1 : 0);
      EXPECT_EQ(correct(stream, logits, labels_of({order[place]}), tops), expected)
          << "label " << order[place];
    }
  }
  const Tensor both = Tensor::from(std::vector<float>{3, 2, 1, 1, 2, 3}, {2, 3});
  EXPECT_EQ(correct(stream, both, labels_of({1, 2}), 3), (Counts{1, 2, 2}));
}

TEST_P(SoftmaxCrossEntropyKnownAnswerTest, RowsWithNanAreNeverCorrect) {
  for (std::int64_t place = 0; place < 3; ++place) {
    for (const std::int32_t label : {0, 1, 2}) {
      std::vector<float> row{1, 1, 1};
      row[place] = not_a_number;
      EXPECT_EQ(correct(stream, Tensor::from(row, {1, 3}), labels_of({label}), 3),
                (Counts{0, 0, 0}));
    }
  }
  EXPECT_EQ(correct(stream, Tensor::full({1, 1}, not_a_number), labels_of({0})), 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, SoftmaxCrossEntropyKnownAnswerTest,
                         ::testing::ValuesIn(uncapped(all_backends())), backend_case_name);

TEST(SoftmaxCrossEntropyReferenceTest, GradientMatchesCentralDifferences) {
  const Shape shape{4, 7};
  const auto logits = to_double(random_normal(shape, 1, 0.0, 2.0));
  const Tensor labels = random_labels(shape[0], shape[1], 2);
  std::vector<double> probabilities(logits.size());
  const auto loss_of = [&](const std::vector<double>& values) {
    double loss = 0.0;
    kernels::reference::softmax_cross_entropy_forward_loops<double>(
        view_of(values, shape), labels.view<std::int32_t>(), view_of(probabilities, shape),
        {&loss, {}});
    return loss;
  };
  loss_of(logits);
  std::vector<double> gradient(logits.size());
  const double grad_loss = 1.0;
  kernels::reference::softmax_cross_entropy_backward_loops<double>(
      {&grad_loss, {}}, view_of(probabilities, shape), labels.view<std::int32_t>(),
      view_of(gradient, shape), GradientMode::overwrite);
  EXPECT_TRUE(gradient_matches(loss_of, logits, gradient));
}

// ---- Fast versions against the oracle

class SoftmaxCrossEntropyTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  Stream oracle{Backend::reference};
};

TEST_P(SoftmaxCrossEntropyTest, MatchesReference) {
  for (const Shape& shape : {Shape{1, 1}, Shape{1, 10}, Shape{128, 10}, Shape{3, 1000},
                             Shape{2, 5000}, Shape{1000, 7}}) {
    SCOPED_TRACE(shape.to_string());
    const Tensor logits = random_normal(shape, 1, 0.0, 3.0);
    const Tensor labels = random_labels(shape[0], shape[1], 2);
    const ForwardResult actual = forward(stream, logits, labels);
    const ForwardResult expected = forward(oracle, logits, labels);
    // A logit of size 16 rounds at 16 epsilon / 2 when the maximum is subtracted, and exp() makes
    // of that a relative error.
    EXPECT_TRUE(all_close(actual.probabilities.span<float>(), expected.probabilities.span<float>(),
                          16 * float_epsilon, 0));
    EXPECT_NEAR(actual.loss, expected.loss, 16 * float_epsilon * std::max(1.0F, expected.loss));
    for (const std::int64_t top : {std::int64_t{1}, (shape[1] + 1) / 2, shape[1]}) {
      EXPECT_EQ(correct(stream, logits, labels, top), correct(oracle, logits, labels, top));
    }
  }
}

TEST_P(SoftmaxCrossEntropyTest, BackwardMatchesReference) {
  const Shape shape{129, 10};
  const Tensor labels = random_labels(shape[0], shape[1], 2);
  const Tensor probabilities = forward(oracle, random_normal(shape, 1), labels).probabilities;
  const Tensor grad_loss = Tensor::full({1}, 3.0F);
  for (const GradientMode mode : {GradientMode::overwrite, GradientMode::accumulate}) {
    Tensor actual = mode == GradientMode::overwrite ? Tensor::full(shape, not_a_number)
                                                    : random_normal(shape, 3);
    Tensor expected = actual.clone();
    kernels::softmax_cross_entropy_backward(
        stream, on(stream, grad_loss), on(stream, probabilities), on<std::int32_t>(stream, labels),
        on(stream, actual), mode);
    kernels::softmax_cross_entropy_backward(
        oracle, grad_loss.view<float>(), probabilities.view<float>(), labels.view<std::int32_t>(),
        expected.view<float>(), mode);
    // Three roundings of numbers below 1.
    EXPECT_TRUE(all_close(actual.span<float>(), expected.span<float>(), 4 * float_epsilon,
                          2 * float_epsilon));
  }
}

TEST_P(SoftmaxCrossEntropyTest, WorksInPlace) {
  const Tensor logits = random_normal({5, 9}, 1);
  const Tensor labels = random_labels(5, 9, 2);
  const ForwardResult apart = forward(stream, logits, labels);
  Tensor shared = logits.clone();
  Tensor loss(Shape{});
  {
    auto both = on(stream, shared);
    kernels::softmax_cross_entropy_forward(stream, both, on<std::int32_t>(stream, labels), both,
                                           on(stream, loss));
  }
  EXPECT_TRUE(all_close(shared.span<float>(), apart.probabilities.span<float>(), 0, 0));
  EXPECT_EQ(loss.span<float>()[0], apart.loss);
}

TEST_P(SoftmaxCrossEntropyTest, LossIsTheSameForAnyNumberOfThreads) {
  const int threads = num_threads();
  const Tensor logits = random_normal({3001, 10}, 1);
  const Tensor labels = random_labels(3001, 10, 2);
  std::vector<float> losses;
  for (const int count : {1, 2, 3}) {
    set_num_threads(count);
    losses.push_back(forward(stream, logits, labels).loss);
  }
  set_num_threads(threads);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
}

TEST_P(SoftmaxCrossEntropyTest, LabelsThatAreNoClassShowInTheLoss) {
  if (!is_elsewhere(stream)) GTEST_SKIP() << "they are refused";
  const Shape shape{3, 4};
  const Tensor logits = random_normal(shape, 1);
  const Tensor grad_loss = Tensor::full({1}, 3.0F);
  for (const std::int32_t bad : {-1, 4, std::numeric_limits<std::int32_t>::min(),
                                 std::numeric_limits<std::int32_t>::max()}) {
    const Tensor labels = labels_of({0, bad, 1});
    const ForwardResult result = forward(stream, logits, labels);
    EXPECT_TRUE(std::isnan(result.loss)) << bad;
    EXPECT_EQ(correct(stream, logits.slice(1, 2), labels_of({bad}), 4), (Counts{0, 0, 0, 0}));
    Tensor gradient(shape);
    kernels::softmax_cross_entropy_backward(
        stream, on(stream, grad_loss), on(stream, result.probabilities),
        on<std::int32_t>(stream, labels), on(stream, gradient), GradientMode::overwrite);
    EXPECT_TRUE(all_close(gradient.slice(1, 2).span<float>(),
                          result.probabilities.slice(1, 2).span<float>(), 1e-6, 0));
  }
}

TEST_P(SoftmaxCrossEntropyTest, RefusesLabelsThatAreNoClass) {
  if (is_elsewhere(stream)) GTEST_SKIP() << "the host does not see them";
  const Tensor logits = random_normal({3, 4}, 1);
  EXPECT_TRUE(throws_error(
      [&] {
        forward(stream, logits, labels_of({0, 4, 1}));
      },
      "softmax_cross_entropy: label 4 of sample 1, expected 0 to 3"));
  EXPECT_TRUE(throws_error(
      [&] {
        correct(stream, logits, labels_of({0, 1, -1}));
      },
      "count_correct: label -1 of sample 2, expected 0 to 3"));
}

TEST_P(SoftmaxCrossEntropyTest, RefusesToCountAmongMoreThanAllClasses) {
  const Tensor logits = random_normal({3, 4}, 1);
  for (const std::int64_t tops : {0, 5}) {
    EXPECT_TRUE(throws_error(
        [&] {
          correct(stream, logits, labels_of({0, 1, 2}), tops);
        },
        fmt::format("count_correct: counts is {}, expected T, 1 to 4 (classes)", tops)));
  }
}

TEST_P(SoftmaxCrossEntropyTest, RefusesShapesThatDoNotFit) {
  const Tensor logits = random_normal({3, 4}, 1);
  EXPECT_TRUE(throws_error(
      [&] {
        forward(stream, logits, labels_of({0, 1}));
      },
      "softmax_cross_entropy: labels is 2, expected 3"));
  EXPECT_TRUE(throws_error(
      [&] {
        forward(stream, Tensor({0, 4}), Tensor({0}, DType::i32));
      },
      "softmax_cross_entropy: logits is 0x4"));
}

INSTANTIATE_TEST_SUITE_P(Backends, SoftmaxCrossEntropyTest,
                         ::testing::ValuesIn(uncapped(fast_backends())), backend_case_name);

}  // namespace
}  // namespace lq::testing
