#include "data/name_list.h"

#include <gtest/gtest.h>

#include <string>

namespace lq::testing {
namespace {

TEST(NameList, GivesNamesBackAsTheyWereAdded) {
  const std::vector<std::string> names = {"n01/a.JPEG", "", "x", std::string("a\0b", 3), ""};
  NameList list;
  EXPECT_EQ(list.size(), 0);
  for (const std::string& name : names) list.add(name);
  const auto expect_all = [&] {
    ASSERT_EQ(list.size(), std::ssize(names));
    for (std::int64_t i = 0; i < list.size(); ++i) EXPECT_EQ(list[i], names[i]);
  };
  expect_all();
  list.shrink();
  expect_all();
}

}  // namespace
}  // namespace lq::testing
