#include "core/view.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <type_traits>

namespace lq::testing {
namespace {

TEST(ViewTest, ReadsAndWritesElements) {
  std::array<float, 6> values = {0, 1, 2, 3, 4, 5};
  const View<float> view(values.data(), {2, 3});
  EXPECT_EQ(view.elements(), 6);
  EXPECT_EQ(view[4], 4.0F);
  view[4] = 40.0F;
  EXPECT_EQ(values[4], 40.0F);
  EXPECT_EQ(std::accumulate(view.begin(), view.end(), 0.0F), 51.0F);
}

TEST(ViewTest, AbsentArgumentIsFalse) {
  EXPECT_FALSE(View<float>());
  float value = 0;
  EXPECT_TRUE(View<float>(&value, {1}));
}

TEST(ViewTest, MutableBecomesConstAndNothingElseConverts) {
  std::array<float, 2> values = {1, 2};
  const View<float> view(values.data(), {2});
  const ConstView<float> read_only = view;
  EXPECT_EQ(read_only.data, values.data());
  EXPECT_EQ(read_only.shape, view.shape);
  static_assert(!std::is_convertible_v<ConstView<float>, View<float>>);
  static_assert(!std::is_convertible_v<View<float>, ConstView<double>>);
}

}  // namespace
}  // namespace lq::testing
