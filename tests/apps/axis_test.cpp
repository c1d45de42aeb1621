#include "apps/axis.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/rng.h"

namespace lq::testing {
namespace {

using apps::Axis;
using apps::Tick;

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> result;
  for (const Tick& tick : ticks) result.push_back(tick.label);
  return result;
}

using Labels = std::vector<std::string>;

TEST(AxisTest, MapsLinearly) {
  const Axis axis{.low = -1, .high = 3, .from = 100, .to = 300};
  EXPECT_EQ(axis(-1), 100);
  EXPECT_EQ(axis(3), 300);
  EXPECT_EQ(axis(0), 150);
  const Axis upwards{.low = 0, .high = 10, .from = 200, .to = 0};
  EXPECT_EQ(upwards(2.5), 150);
}

TEST(AxisTest, TicksAreRoundNumbers) {
  EXPECT_EQ(labels(apps::ticks(0, 10, 6)), (Labels{"0", "2", "4", "6", "8", "10"}));
  EXPECT_EQ(labels(apps::ticks(-1.1, 1.1, 6)), (Labels{"-1.0", "-0.5", "0.0", "0.5", "1.0"}));
  EXPECT_EQ(labels(apps::ticks(0, 0.07, 5)), (Labels{"0.00", "0.02", "0.04", "0.06"}));
  EXPECT_EQ(labels(apps::ticks(0, 95, 4)), (Labels{"0", "50"}));
}

TEST(AxisTest, TicksOfAnyRangeAreFewDistinctAndInside) {
  Rng rng(1, RngPurpose::test);
  for (int i = 0; i < 2000; ++i) {
    const double low = rng.normal() * std::pow(10.0, static_cast<double>(rng.below(9)) - 4);
    const double extent =
        (rng.uniform() + 0.01) * std::pow(10.0, static_cast<double>(rng.below(9)) - 4);
    const int most = 4 + static_cast<int>(rng.below(7));
    const std::vector<Tick> ticks = apps::ticks(low, low + extent, most);
    ASSERT_GE(ticks.size(), 1U) << low << " " << extent << " " << most;
    ASSERT_LE(ticks.size(), static_cast<std::size_t>(most)) << low << " " << extent;
    for (std::size_t t = 0; t < ticks.size(); ++t) {
      ASSERT_GE(ticks[t].value, low - 1e-6 * extent);
      ASSERT_LE(ticks[t].value, low + extent + 1e-6 * extent);
      // The label says the value: nothing is lost to its decimals.
      ASSERT_NEAR(std::stod(ticks[t].label), ticks[t].value, 1e-6 * extent);
      ASSERT_TRUE(t == 0 || ticks[t].label != ticks[t - 1].label);
    }
  }
}

TEST(AxisTest, RoundsUpToAMark) {
  EXPECT_DOUBLE_EQ(apps::rounded_up(9.2, 6), 10);
  EXPECT_DOUBLE_EQ(apps::rounded_up(10, 6), 10);
  EXPECT_DOUBLE_EQ(apps::rounded_up(0.031, 5), 0.04);
  EXPECT_DOUBLE_EQ(apps::rounded_up(0, 5), 1);
}

}  // namespace
}  // namespace lq::testing
