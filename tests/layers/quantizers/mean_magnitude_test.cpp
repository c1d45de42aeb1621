#include "layers/quantizers/mean_magnitude.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/threads.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

TEST(MeanMagnitudesTest, FollowTheFormula) {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 5}, Shape{2, 40'001}, Shape{300, 7}}) {
    const Tensor weights = random_normal(shape, 1);
    const std::int64_t n = shape[1];
    const std::vector<double> means = mean_magnitudes(weights, shape[0]);
    ASSERT_EQ(std::ssize(means), shape[0]);
    for (std::int64_t r = 0; r < shape[0]; ++r) {
      long double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) sum += std::abs(weights.data<float>()[r * n + i]);
      EXPECT_NEAR(means[r], static_cast<double>(sum / n), 1e-12)
          << "row " << r << " of " << shape.to_string();
    }
  }
}

TEST(MeanMagnitudesTest, DoNotDependOnTheNumberOfThreads) {
  const Tensor weights = random_normal({5, 33'333}, 2);
  const int before = num_threads();
  set_num_threads(1);
  const std::vector<double> by_row = mean_magnitudes(weights, 5), all = mean_magnitudes(weights, 1);
  for (const int threads : {2, 3, 8}) {
    set_num_threads(threads);
    EXPECT_EQ(mean_magnitudes(weights, 5), by_row);
    EXPECT_EQ(mean_magnitudes(weights, 1), all);
  }
  set_num_threads(before);
}

TEST(MeanMagnitudesTest, NonFiniteValuesShowInTheirRow) {
  Tensor weights = random_normal({3, 40'000}, 3);
  weights.data<float>()[2 * 40'000 - 1] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<double> means = mean_magnitudes(weights, 3);
  EXPECT_TRUE(std::isfinite(means[0]));
  EXPECT_TRUE(std::isnan(means[1]));
  EXPECT_TRUE(std::isfinite(means[2]));
}

}  // namespace
}  // namespace lq::testing
