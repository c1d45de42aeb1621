#include "data/skipped_images.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lq::testing {
namespace {

TEST(SkippedImages, CountsAllAndNamesTheFirst) {
  SkippedImages skipped;
  const auto images = static_cast<std::int64_t>(SkippedImages::most_named) + 3;
  for (std::int64_t i = 0; i < images; ++i) {
    skipped.add(fmt::format("/a/{}.JPEG: empty", i), fmt::format("{}.JPEG", i));
  }
  EXPECT_EQ(skipped.count, images);
  EXPECT_EQ(skipped.named.size(), SkippedImages::most_named);
  EXPECT_EQ(skipped.named.back(),
            (SkippedImage{.message = fmt::format("/a/{}.JPEG: empty", images - 4),
                          .image = fmt::format("{}.JPEG", images - 4)}));
}

TEST(SkippedImages, AreDescribedInOneLine) {
  SkippedImages skipped;
  skipped.add("a.JPEG: empty");
  EXPECT_EQ(describe(skipped, "test"),
            "1 test image could not be read and was left out: a.JPEG: empty");
  for (const char* name : {"b", "c", "d", "e"}) skipped.add(name);
  EXPECT_EQ(describe(skipped, "training"),
            "5 training images could not be read and were left out: a.JPEG: empty; b; c; d; e");
  skipped.add("f");
  EXPECT_EQ(describe(skipped, "test"),
            "6 test images could not be read and were left out: a.JPEG: empty; b; c; d; e; ...");
  EXPECT_EQ(describe(skipped, "packed", "emptied"),
            "6 packed images could not be read and were emptied: a.JPEG: empty; b; c; d; e; ...");
}

}  // namespace
}  // namespace lq::testing
