#include "apps/suggestion.h"

#include <gtest/gtest.h>

namespace lq::testing {
namespace {

TEST(SuggestionTest, DistanceCountsEdits) {
  EXPECT_EQ(apps::edit_distance("", ""), 0);
  EXPECT_EQ(apps::edit_distance("", "abc"), 3);
  EXPECT_EQ(apps::edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(apps::edit_distance("modle", "model"), 1);
  EXPECT_EQ(apps::edit_distance("ca", "abc"), 3);
}

TEST(SuggestionTest, OnlyNearWordsAreNamed) {
  const std::vector<std::string> known = {"--epochs", "--batch", "--seed"};
  EXPECT_EQ(apps::nearest_word("--epoch", known), "--epochs");
  EXPECT_EQ(apps::nearest_word("--bacth", known), "--batch");
  EXPECT_EQ(apps::nearest_word("--momentum", known), "");
  EXPECT_EQ(apps::nearest_word("", known), "");
  EXPECT_EQ(apps::with_suggestion("no --epoch", "--epoch", known),
            "no --epoch; did you mean --epochs?");
  EXPECT_EQ(apps::with_suggestion("no --momentum", "--momentum", known), "no --momentum");
}

}  // namespace
}  // namespace lq::testing
