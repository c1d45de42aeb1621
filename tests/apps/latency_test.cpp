#include "apps/latency.h"

#include <gtest/gtest.h>

#include "apps/packed_run.h"

namespace lq::apps {
namespace {

TEST(LatencyTest, PercentilesAreNearestRanks) {
  std::vector<double> times;
  for (int i = 200; i >= 1; --i) times.push_back(i);
  const LatencySummary summary = summarize(times).value();
  EXPECT_EQ(summary.p50_us, 100);
  EXPECT_EQ(summary.p90_us, 180);
  EXPECT_EQ(summary.p99_us, 198);
  EXPECT_EQ(summary.fastest_us, 1);
  EXPECT_EQ(summarize({7}).value().p99_us, 7);
  EXPECT_FALSE(summarize({}));
}

TEST(TopGuessesTest, AreSoftmaxProbabilitiesInOrder) {
  const std::vector<float> scores = {1.0F, 3.0F, 1.0F, 2.0F};
  const std::vector<Guess> guesses = top_guesses(scores, 3);
  ASSERT_EQ(guesses.size(), 3U);
  EXPECT_EQ(guesses[0].index, 1);
  EXPECT_EQ(guesses[1].index, 3);
  EXPECT_EQ(guesses[2].index, 0);  // the first of equals
  // e^2 / (1 + e^2 + 1 + e), with scores relative to 1.
  EXPECT_NEAR(guesses[0].probability, 7.389056 / (2 + 7.389056 + 2.718282), 1e-6);
  EXPECT_EQ(top_guesses(scores, 9).size(), 4U);
}

}  // namespace
}  // namespace lq::apps
