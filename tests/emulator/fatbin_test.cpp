#include "emulator/fatbin/fatbin.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/support/errors.h"

namespace lq::emulator {
namespace {

using lq::testing::throws_error;

std::vector<std::byte> corpus_file(const std::string& name) {
  std::ifstream file(std::string(LQNET_FUZZ_CORPUS "/fatbin_corpus/") + name, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  return {data, data + bytes.size()};
}

TEST(FatbinTest, CompressedPtxIsReadAndMachineCodeSkipped) {
  const std::vector<PtxImage> images = read_ptx_images(corpus_file("tiny.fatbin"));
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].target.to_string(), "sm_80");
  EXPECT_EQ(images[1].target.to_string(), "sm_90a");
  for (const PtxImage& image : images) {
    EXPECT_NE(image.text.find(".visible .entry _Z4tinyPi("), std::string::npos);
  }
}

TEST(FatbinTest, PlainPtxIsRead) {
  const std::vector<PtxImage> images = read_ptx_images(corpus_file("tiny_plain.fatbin"));
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].target.to_string(), "sm_75");
  EXPECT_NE(images[1].text.find("st.global.u32"), std::string::npos);
  EXPECT_EQ(images[1].text.find('\0'), std::string::npos);
}

TEST(FatbinTest, TheBestImageIsTheExactOneOrTheHighestThatRuns) {
  const std::vector<PtxImage> images{
      {{75, '\0'}, ""}, {{90, 'a'}, ""}, {{80, '\0'}, ""}, {{100, '\0'}, ""}};
  EXPECT_EQ(best_image(images, 75).target.to_string(), "sm_75");
  EXPECT_EQ(best_image(images, 89).target.to_string(), "sm_80");
  EXPECT_EQ(best_image(images, 90).target.to_string(), "sm_90a");
  EXPECT_EQ(best_image(images, 120).target.to_string(), "sm_100");
  EXPECT_TRUE(throws_error([&] { best_image(images, 70); }, "compute_70"));
  EXPECT_TRUE(throws_error([] { best_image({}, 80); }, "PTX present: none"));
}

TEST(FatbinTest, EveryShorteningIsRefused) {
  const std::vector<std::byte> bytes = corpus_file("tiny_plain.fatbin");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(throws_error([&] { read_ptx_images(std::span(bytes).first(size)); }, "fatbin"));
  }
}

TEST(FatbinTest, DamagedLengthsAreRefused) {
  for (const std::size_t offset : {6, 8, 15, 16 + 4, 16 + 8, 16 + 15, 16 + 16, 16 + 56}) {
    std::vector<std::byte> bytes = corpus_file("tiny.fatbin");
    bytes[offset] = bytes[offset + 1] = std::byte{0xFF};
    EXPECT_TRUE(throws_error([&] { read_ptx_images(bytes); }, "fatbin")) << offset;
  }
}

TEST(FatbinTest, TargetsAreReadStrictly) {
  EXPECT_EQ(target_of_ptx(".version 9.0\n.target sm_103f, debug\n").to_string(), "sm_103f");
  EXPECT_TRUE(throws_error([] { target_of_ptx(".version 9.0"); }, "no .target"));
  EXPECT_TRUE(throws_error([] { target_of_ptx(".target compute_80"); }, "compute_80"));
  EXPECT_TRUE(throws_error([] { target_of_ptx(".target sm_80x"); }, "sm_80x"));
}

}  // namespace
}  // namespace lq::emulator
