#include "core/bit_tensor.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

TEST(BitTensorTest, BitsLieWhereTheLayoutSays) {
  // Golden: 1 x 2 x 1 pixels of 33 channels, 2 planes; two words per pixel.
  BitTensor bits({1, 2, 1, 33}, 2);
  EXPECT_EQ(bits.words_per_pixel(), 2);
  EXPECT_EQ(bits.words_per_plane(), 4);
  EXPECT_EQ(bits.bytes(), 32U);
  bits.set_code(0, 0, 0, 0, 1);   // plane 0, word 0, bit 0
  bits.set_code(0, 0, 0, 5, 2);   // plane 1, word 0, bit 5
  bits.set_code(0, 1, 0, 31, 3);  // both planes, word 2, bit 31
  bits.set_code(0, 1, 0, 32, 2);  // plane 1, word 3, bit 0
  const std::vector<std::uint32_t> plane0(bits.plane(0), bits.plane(0) + 4);
  const std::vector<std::uint32_t> plane1(bits.plane(1), bits.plane(1) + 4);
  EXPECT_EQ(plane0, (std::vector<std::uint32_t>{1, 0, 0x80000000U, 0}));
  EXPECT_EQ(plane1, (std::vector<std::uint32_t>{0x20, 0, 0x80000000U, 1}));
}

class BitTensorShapeTest : public ::testing::TestWithParam<int> {};

TEST_P(BitTensorShapeTest, EveryCodeComesBack) {
  const int planes = GetParam();
  for (std::int64_t channels : {1, 3, 31, 32, 33, 70}) {
    const Shape shape = {2, 3, 2, channels};
    BitTensor bits(shape, planes);
    Rng rng(7, RngPurpose::test);
    std::vector<int> codes(shape.elements());
    const auto each = [&](auto&& action) {
      std::size_t i = 0;
      for (int n = 0; n < 2; ++n) {
        for (int h = 0; h < 3; ++h) {
          for (int w = 0; w < 2; ++w) {
            for (int c = 0; c < channels; ++c) action(n, h, w, c, codes[i++]);
          }
        }
      }
    };
    for (int round = 0; round < 2; ++round) {  // the second round overwrites the first
      each([&](int n, int h, int w, int c, int& code) {
        code = static_cast<int>(rng.below(1U << planes));
        bits.set_code(n, h, w, c, code);
      });
    }
    each([&](int n, int h, int w, int c, int code) { EXPECT_EQ(bits.code(n, h, w, c), code); });
    EXPECT_TRUE(bits.pad_bits_are_zero());
  }
}

INSTANTIATE_TEST_SUITE_P(Planes, BitTensorShapeTest, ::testing::Range(1, 9));

TEST(BitTensorTest, PadBitsAreSeenInEveryPixelAndPlane) {
  BitTensor bits({2, 1, 2, 40}, 3);
  for (int j = 0; j < 3; ++j) {
    for (std::int64_t pixel = 0; pixel < 4; ++pixel) {
      std::uint32_t& last = bits.plane(j)[pixel * 2 + 1];
      last = 1U << 8;
      EXPECT_FALSE(bits.pad_bits_are_zero()) << j << ' ' << pixel;
      last = 1U << 7;
      EXPECT_TRUE(bits.pad_bits_are_zero()) << j << ' ' << pixel;
    }
  }
}

TEST(BitTensorTest, EmptyTensorsHaveNoPadBits) {
  EXPECT_TRUE(BitTensor({1, 2, 2, 0}, 2).pad_bits_are_zero());
  EXPECT_TRUE(BitTensor({0, 2, 2, 5}, 2).pad_bits_are_zero());
}

TEST(BitTensorTest, RefusesWhatIsOutOfRange) {
  EXPECT_TRUE(throws_error([] { BitTensor({2, 3}, 1); }, "expected N H W C"));
  EXPECT_TRUE(throws_error([] { BitTensor({1, 1, 1, 1}, 0); }, "0 planes given, expected 1 to 8"));
  EXPECT_TRUE(throws_error([] { BitTensor({1, 1, 1, 1}, 9); }, "9 planes given, expected 1 to 8"));
  BitTensor bits({1, 2, 3, 4}, 2);
  EXPECT_TRUE(throws_error([&] { bits.set_code(0, 0, 0, 0, 4); }, "code 4 does not fit 2 planes"));
  EXPECT_TRUE(throws_error([&] { bits.set_code(0, 0, 0, 0, -1); }, "code -1"));
  EXPECT_TRUE(throws_error([&] { bits.set_code(0, 0, 0, 4, 1); }, "element (0, 0, 0, 4) of"));
  EXPECT_TRUE(throws_error([&] { bits.code(1, 0, 0, 0); }, "element (1, 0, 0, 0) of 1x2x3x4"));
  EXPECT_TRUE(throws_error([&] { bits.code(0, -1, 0, 0); }, "element (0, -1, 0, 0)"));
  EXPECT_FALSE(BitTensor().defined());
}

}  // namespace
}  // namespace lq::testing
