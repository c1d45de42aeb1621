#include "core/dtype.h"

#include <gtest/gtest.h>

namespace lq::testing {
namespace {

template <typename T>
class DTypeTest : public ::testing::Test {};
using Elements = ::testing::Types<float, double, std::int32_t, std::int64_t, std::uint8_t>;
TYPED_TEST_SUITE(DTypeTest, Elements);

TYPED_TEST(DTypeTest, SizeIsThatOfTheElement) {
  EXPECT_EQ(size_of(dtype_of<TypeParam>), sizeof(TypeParam));
}

TEST(DTypeNamesTest, NamesSayKindAndBits) {
  EXPECT_EQ(name_of(dtype_of<float>), "f32");
  EXPECT_EQ(name_of(dtype_of<double>), "f64");
  EXPECT_EQ(name_of(dtype_of<std::int32_t>), "i32");
  EXPECT_EQ(name_of(dtype_of<std::int64_t>), "i64");
  EXPECT_EQ(name_of(dtype_of<std::uint8_t>), "u8");
}

}  // namespace
}  // namespace lq::testing
