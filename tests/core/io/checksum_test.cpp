#include "core/io/checksum.h"

#include <gtest/gtest.h>

#include "core/io/file.h"

namespace lq::testing {
namespace {

TEST(Crc32Test, KnownAnswers) {
  EXPECT_EQ(crc32({}), 0U);
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926U);  // the catalogue's check value
  EXPECT_EQ(crc32(as_bytes("The quick brown fox jumps over the lazy dog")), 0x414FA339U);
}

TEST(Crc32Test, PiecesGiveTheChecksumOfTheWhole) {
  const std::string_view text = "The quick brown fox jumps over the lazy dog";
  for (std::size_t split = 0; split <= text.size(); ++split) {
    Crc32 checksum;
    checksum.update(as_bytes(text.substr(0, split)));
    checksum.update({});
    checksum.update(as_bytes(text.substr(split)));
    EXPECT_EQ(checksum.value(), 0x414FA339U) << split;
  }
}

}  // namespace
}  // namespace lq::testing
