#include "core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Known answers of Random123's file kat_vectors for philox4x32-10.
TEST(PhiloxTest, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Checkpoints rely on this: which numbers a stream has must never change.
TEST(RngTest, StreamIsPhiloxOverBlockSampleEpochAndPurpose) {
  const std::uint64_t seed = 0x1122334455667788, epoch = 0xABCDEF, sample = 0x9A12345678;
  Rng rng(seed, RngPurpose::augmentation, epoch, sample);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const Words expected = philox4x32({block, 0x12345678, 0xABCDEF9A, 2}, {0x55667788, 0x11223344});
    for (std::uint32_t word : expected) EXPECT_EQ(rng.next_u32(), word);
  }
}

TEST(RngTest, EveryKeyMakesAStreamOfItsOwn) {
  std::set<std::uint32_t> first_numbers;
  int streams = 0;
  const auto add = [&](Rng rng) {
    first_numbers.insert(rng.next_u32());
    ++streams;
  };
  for (auto purpose : {RngPurpose::initialization, RngPurpose::shuffle, RngPurpose::augmentation,
                       RngPurpose::synthetic, RngPurpose::test}) {
    add(Rng(1, purpose));
  }
  for (std::uint64_t bit = 0; bit < 64; ++bit) add(Rng(1ULL << bit ^ 1, RngPurpose::test, 1));
  for (std::uint64_t bit = 0; bit < 24; ++bit) add(Rng(1, RngPurpose::test, 1ULL << bit, 1));
  for (std::uint64_t bit = 0; bit < 40; ++bit) add(Rng(1, RngPurpose::test, 5, 1ULL << bit));
  EXPECT_EQ(first_numbers.size(), static_cast<std::size_t>(streams));
}

TEST(RngTest, EpochsBeyond24BitsAreRefused) {
  EXPECT_NO_THROW(Rng(1, RngPurpose::test, (1 << 24) - 1));
  EXPECT_TRUE(throws_error([] { Rng(1, RngPurpose::test, 1 << 24); }, "epoch is 16777216"));
}

TEST(RngTest, UniformHas24BitsAndStaysBelowOne) {
  Rng rng(3, RngPurpose::test), words(3, RngPurpose::test);
  for (int i = 0; i < 1000; ++i) {
    const float x = rng.uniform();
    EXPECT_EQ(x, static_cast<float>(words.next_u32() / 256) / 16777216.0F);
    EXPECT_GE(x, 0.0F);
    EXPECT_LT(x, 1.0F);
  }
}

/// Distance of an observed mean from the expected one in standard errors.
double standard_errors(const std::vector<double>& values, double mean, double variance) {
  long double sum = 0;
  for (double value : values) sum += value;
  const double n = static_cast<double>(values.size());
  return (static_cast<double>(sum) / n - mean) / std::sqrt(variance / n);
}

constexpr int draws = 200'000;
// The seeds are fixed, so a test that passes once always passes; a correct generator stays within
// four standard errors with probability 0.99994 per test.
constexpr double standard_error_limit = 4.0;

template <typename Draw>
std::vector<double> draw_many(std::uint64_t seed, Draw&& draw) {
  Rng rng(seed, RngPurpose::test);
  std::vector<double> values(draws);
  for (double& value : values) value = draw(rng);
  return values;
}

std::vector<double> power(std::vector<double> values, int exponent) {
  for (double& value : values) value = std::pow(value, exponent);
  return values;
}

/// Largest distance between the empirical distribution and `distribution`, times sqrt(n); the
/// limit of Kolmogorov's test at 0.1 % is 1.95.
template <typename Distribution>
double kolmogorov(std::vector<double> values, Distribution&& distribution) {
  std::ranges::sort(values);
  const double n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = distribution(values[i]);
    distance = std::max({distance, std::abs(static_cast<double>(i) / n - expected),
                         std::abs(static_cast<double>(i + 1) / n - expected)});
  }
  return distance * std::sqrt(n);
}
constexpr double kolmogorov_limit = 1.95;

double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(RngStatisticsTest, BitsAreBalanced) {
  Rng rng(11, RngPurpose::test);
  std::array<int, 32> ones{};
  for (int i = 0; i < draws; ++i) {
    const std::uint32_t word = rng.next_u32();
    for (int bit = 0; bit < 32; ++bit) ones[bit] += static_cast<int>(word >> bit & 1);
  }
  for (int bit = 0; bit < 32; ++bit) {
    EXPECT_LT(std::abs(ones[bit] - draws / 2.0) / std::sqrt(draws / 4.0), standard_error_limit);
  }
}

TEST(RngStatisticsTest, UniformIsUniform) {
  const auto values = draw_many(12, [](Rng& rng) { return rng.uniform(); });
  EXPECT_LT(kolmogorov(values, [](double x) { return x; }), kolmogorov_limit);
  const auto scaled = draw_many(12, [](Rng& rng) { return rng.uniform(-2.0F, 3.0F); });
  for (int i = 0; i < 100; ++i) EXPECT_NEAR(scaled[i], 5 * values[i] - 2, 1e-6);
}

TEST(RngStatisticsTest, BelowIsUnbiased) {
  // 3 * 2^30: taking the upper word of the product without rejection would give every third
  // number twice the chance of the others.
  constexpr std::uint32_t awkward = 3U << 30;
  std::array<int, 3> remainders{};
  std::array<int, 7> sevenths{};
  Rng rng(13, RngPurpose::test);
  for (int i = 0; i < draws; ++i) {
    const std::uint32_t large = rng.below(awkward);
    ASSERT_LT(large, awkward);
    ++remainders[large % 3];
    const std::uint32_t small = rng.below(7);
    ASSERT_LT(small, 7U);
    ++sevenths[small];
  }
  const auto expect_even = [](auto& counts) {
    const double p = 1.0 / static_cast<double>(counts.size());
    for (int count : counts) {
      EXPECT_LT(std::abs(count - draws * p) / std::sqrt(draws * p * (1 - p)), standard_error_limit);
    }
  };
  expect_even(remainders);
  expect_even(sevenths);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rng.below(1), 0U);
}

TEST(RngStatisticsTest, NormalHasTheMomentsAndShapeOfTheNormal) {
  const auto values = draw_many(14, [](Rng& rng) { return rng.normal(); });
  // Variances of x, x^2, x^3 and x^4 under the normal distribution: 1, 2, 15 and 96.
  EXPECT_LT(std::abs(standard_errors(values, 0, 1)), standard_error_limit);
  EXPECT_LT(std::abs(standard_errors(power(values, 2), 1, 2)), standard_error_limit);
  EXPECT_LT(std::abs(standard_errors(power(values, 3), 0, 15)), standard_error_limit);
  EXPECT_LT(std::abs(standard_errors(power(values, 4), 3, 96)), standard_error_limit);
  EXPECT_LT(kolmogorov(values, normal_distribution), kolmogorov_limit);
}

TEST(RngStatisticsTest, TruncatedNormalIsTheNormalBetweenTwoDeviations) {
  const auto values = draw_many(15, [](Rng& rng) { return rng.truncated_normal(); });
  for (double value : values) ASSERT_LE(std::abs(value), 2.0);
  const double below = normal_distribution(-2), inside = 1 - 2 * below;
  EXPECT_LT(kolmogorov(values, [&](double x) { return (normal_distribution(x) - below) / inside; }),
            kolmogorov_limit);
}

TEST(RngStatisticsTest, NeighbouringSamplesAreNotCorrelated) {
  std::vector<double> products;
  for (std::uint64_t sample = 0; sample < draws / 10; ++sample) {
    Rng rng(16, RngPurpose::test, 0, sample), next(16, RngPurpose::test, 0, sample + 1);
    products.push_back(rng.normal() * next.normal());
  }
  EXPECT_LT(std::abs(standard_errors(products, 0, 1)), standard_error_limit);
}

}  // namespace
}  // namespace lq::testing
