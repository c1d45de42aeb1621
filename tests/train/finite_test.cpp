#include "train/finite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lq::testing {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(FiniteTest, FiniteAndWholeNumbersPass) {
  const std::vector<float> extremes{0.0F, std::numeric_limits<float>::max(),
                                    std::numeric_limits<float>::lowest(),
                                    std::numeric_limits<float>::denorm_min()};
  EXPECT_FALSE(find_non_finite({}));
  EXPECT_FALSE(find_non_finite(
      {{"f32", Tensor::from(extremes, {4})},
       {"f64", Tensor::from(std::vector<double>{1e300}, {1})},
       {"i32", Tensor::from(std::vector<std::int32_t>{0x7F800000}, {1})},  // bits of an infinity
       {"i64", Tensor::from(std::vector<std::int64_t>{-1}, {1})},
       {"none", Tensor::zeros({0})}}));
}

TEST(FiniteTest, TheFirstBadValueIsNamed) {
  const Tensor good = Tensor::zeros({3});
  const auto found = find_non_finite({{"good", good},
                                      {"bad", Tensor::from(std::vector<float>{1, -inf, inf}, {3})},
                                      {"worse", Tensor::full({1}, inf)}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "bad");
  EXPECT_EQ(found->value, -inf);

  const auto last =
      find_non_finite({{"good", good}, {"f64", Tensor::from(std::vector<double>{1, 2, nan}, {3})}});
  ASSERT_TRUE(last);
  EXPECT_EQ(last->name, "f64");
  EXPECT_TRUE(std::isnan(last->value));
}

}  // namespace
}  // namespace lq::testing
