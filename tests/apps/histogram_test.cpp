#include "apps/histogram.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "tests/support/devices.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using apps::Histogram;
using apps::ValueList;

constexpr float infinity = std::numeric_limits<float>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();

class HistogramTest : public ::testing::TestWithParam<Device> {
 protected:
  /// In tensors of up to three values.
  static ValueList list(const std::vector<float>& values) {
    ValueList list;
    for (std::size_t i = 0; i < values.size(); i += 3) {
      const auto part = std::span(values).subspan(i, std::min<std::size_t>(3, values.size() - i));
      list.add(Tensor::from(part, {std::ssize(part)}, GetParam()));
    }
    return list;
  }
};

TEST_P(HistogramTest, CountsInBinsOfEqualWidth) {
  const ValueList values = list({-1.5F, -1, -0.75F, -0.5F, 0, 0.25F, 0.999F, 1, 7, nan, -infinity});
  EXPECT_EQ(values.size(), 11);
  const Histogram counted = apps::histogram(values, -1, 1, 4);
  EXPECT_EQ(counted.counts, (std::vector<std::int64_t>{2, 1, 2, 2}));
  EXPECT_EQ(counted.below, 2);
  EXPECT_EQ(counted.above, 1);
  EXPECT_EQ(counted.not_a_number, 1);
  EXPECT_EQ(counted.bin_width(), 0.5);
}

TEST_P(HistogramTest, NoValuesAreNoTrouble) {
  EXPECT_TRUE(ValueList().empty());
  EXPECT_EQ(apps::histogram(ValueList(), 0, 1, 2).counts, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(apps::quantile(ValueList(), 0.5), std::nullopt);
}

TEST_P(HistogramTest, RefusesWhatIsNoRange) {
  const ValueList values = list({0});
  EXPECT_TRUE(throws_error([&] { apps::histogram(values, 1, 1, 4); }, "low < high"));
  EXPECT_TRUE(throws_error([&] { apps::histogram(values, 0, 1, 0); }, "0 bins"));
}

TEST_P(HistogramTest, QuantilesAreThoseOfTheSortedValues) {
  const Tensor random = random_normal({1001}, 4);
  std::vector<float> values(random.span<float>().begin(), random.span<float>().end());
  // Ties, both ends of all floats, and numbers next to 0.
  for (int i = 0; i < 300; ++i) values.push_back(0);
  for (const float sign : {-1.0F, 1.0F}) {
    values.push_back(sign * std::numeric_limits<float>::max());
    values.push_back(sign * std::numeric_limits<float>::denorm_min());
  }
  ValueList all;
  all.add(Tensor::from(values, {std::ssize(values)}, GetParam()));
  for (const double fraction : {0.0, 0.001, 0.1, 0.39, 0.5, 0.62, 0.999, 1.0}) {
    EXPECT_EQ(apps::quantile(all, fraction), apps::quantile(values, fraction)) << fraction;
  }
}

TEST_P(HistogramTest, QuantilesAreOfFiniteValues) {
  const ValueList values = list({nan, 3, infinity, 1, -infinity, nan, -infinity, 2, infinity});
  EXPECT_EQ(apps::quantile(values, 0), 1.0F);
  EXPECT_EQ(apps::quantile(values, 0.5), 2.0F);
  EXPECT_EQ(apps::quantile(values, 1), 3.0F);
  EXPECT_EQ(apps::quantile(list({nan, infinity, -infinity}), 0.5), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Devices, HistogramTest, ::testing::ValuesIn(all_devices()), device_name);

TEST(QuantileTest, IsTheNearestRank) {
  std::array<float, 5> values = {5, 1, 4, 2, 3};
  EXPECT_EQ(apps::quantile(values, 0), 1);
  EXPECT_EQ(apps::quantile(values, 0.5), 3);
  EXPECT_EQ(apps::quantile(values, 0.9), 5);
  EXPECT_EQ(apps::quantile(values, 1), 5);
}

}  // namespace
}  // namespace lq::testing
