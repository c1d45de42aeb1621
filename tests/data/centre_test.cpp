#include "data/centre.h"

#include <gtest/gtest.h>

#include <vector>

namespace lq::testing {
namespace {

TEST(PlaceInCentreTest, OddLinesGoToTheBottomAndTheRight) {
  const std::vector<std::uint8_t> image = {1, 2, 3, 4};
  std::vector<std::uint8_t> larger(3 * 5, 9);
  place_in_centre(image, {2, 2, 1}, larger, {3, 5, 1});
  EXPECT_EQ(larger, (std::vector<std::uint8_t>{9, 1, 2, 9, 9,  //
                                               9, 3, 4, 9, 9,  //
                                               9, 9, 9, 9, 9}));
}

TEST(PlaceInCentreTest, ChannelsStayTogether) {
  const std::vector<std::uint8_t> image = {1, 2, 3};
  std::vector<std::uint8_t> larger(3 * 3, 0);
  place_in_centre(image, {1, 1, 3}, larger, {1, 3, 3});
  EXPECT_EQ(larger, (std::vector<std::uint8_t>{0, 0, 0, 1, 2, 3, 0, 0, 0}));
}

}  // namespace
}  // namespace lq::testing
