#include "apps/histogram.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using apps::Histogram;

TEST(HistogramTest, CountsInBinsOfEqualWidth) {
  const std::array<float, 9> values = {-1.5F, -1, -0.75F, -0.5F, 0, 0.25F, 0.999F, 1, 7};
  const Histogram counted = apps::histogram(values, -1, 1, 4);
  EXPECT_EQ(counted.counts, (std::vector<std::int64_t>{2, 1, 2, 2}));
  EXPECT_EQ(counted.below, 1);
  EXPECT_EQ(counted.above, 1);
  EXPECT_EQ(counted.bin_width(), 0.5);
}

TEST(HistogramTest, RefusesWhatIsNoRange) {
  const std::array<float, 1> values = {0};
  EXPECT_TRUE(throws_error([&] { apps::histogram(values, 1, 1, 4); }, "low < high"));
  EXPECT_TRUE(throws_error([&] { apps::histogram(values, 0, 1, 0); }, "0 bins"));
}

TEST(QuantileTest, IsTheNearestRank) {
  std::array<float, 5> values = {5, 1, 4, 2, 3};
  EXPECT_EQ(apps::quantile(values, 0), 1);
  EXPECT_EQ(apps::quantile(values, 0.5), 3);
  EXPECT_EQ(apps::quantile(values, 0.9), 5);
  EXPECT_EQ(apps::quantile(values, 1), 5);
}

}  // namespace
}  // namespace lq::testing
