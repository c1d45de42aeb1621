#include "deploy/max_of_codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "core/bit_tensor.h"

namespace lq::testing {
namespace {

using deploy::MaxOfCodes;

/// Compares with the maximum of positions, channel by channel, for one window of random codes.
void expect_maximum(int planes, std::int64_t channels, std::int64_t rows, std::int64_t columns,
                    int listed, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> order(std::size_t{1} << planes);
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  std::ranges::shuffle(order, random);
  order.resize(listed);

  constexpr std::int64_t width = 5;  // of the map, wider than the window
  BitTensor codes({1, rows, width, channels}, planes);
  BitTensor result({1, 1, 1, channels}, planes);
  std::vector<int> best(channels, 0);
  std::uniform_int_distribution<int> position(0, listed - 1);
  for (std::int64_t y = 0; y < rows; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const int p = position(random);
        codes.set_code(0, y, x, c, order[p]);
        if (x < columns) best[c] = std::max(best[c], p);
      }
    }
  }
  std::fill_n(result.plane(0), result.words_per_plane() * planes, 0xffffffffU);

  const MaxOfCodes maximum(planes, channels, order);
  maximum({.first = codes.plane(0),
           .rows = rows,
           .columns = columns,
           .row_words = width * codes.words_per_pixel(),
           .plane_words = codes.words_per_plane()},
          {.to = result.plane(0), .plane_words = result.words_per_plane()});
  for (std::int64_t c = 0; c < channels; ++c) {
    ASSERT_EQ(result.code(0, 0, 0, c), order[best[c]]) << "channel " << c;
  }
  EXPECT_TRUE(result.pad_bits_are_zero());
}

TEST(MaxOfCodesTest, IsTheHighestPosition) {
  for (int planes = 1; planes <= 8; ++planes) {
    for (const std::int64_t channels : {1, 31, 32, 33, 128, 200, 300}) {
      SCOPED_TRACE(std::to_string(planes) + " planes, " + std::to_string(channels) + " channels");
      expect_maximum(planes, channels, 2, 2, 1 << planes, 1);
      expect_maximum(planes, channels, 3, 1, 1 << planes, 2);
      expect_maximum(planes, channels, 1, 1, (1 << planes) - 1, 3);
    }
  }
}

TEST(MaxOfCodesTest, OneCodeIsItself) { expect_maximum(2, 40, 2, 2, 1, 4); }

}  // namespace
}  // namespace lq::testing
