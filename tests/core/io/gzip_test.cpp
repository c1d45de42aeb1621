#include "core/io/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "core/io/file.h"
#include "core/rng.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

constexpr std::uint64_t no_limit = ~std::uint64_t{0};

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string compressed(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string result(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

std::string unpacked(const std::string& bytes, std::uint64_t limit = no_limit) {
  return text_of(gunzip(as_bytes(bytes), limit));
}

std::string random_text(std::size_t size) {
  Rng rng(size, RngPurpose::test);
  std::string text(size, '\0');
  for (char& letter : text) letter = static_cast<char>('a' + rng.below(20));
  return text;
}

TEST(GzipTest, GoldenMember) {
  // "hi\n" in a stored block, written by hand: header, block, CRC-32, length.
  const std::string member(
      "\x1F\x8B\x08\0\0\0\0\0\0\x03"
      "\x01\x03\0\xFC\xFFhi\n"
      "\x7A\x7A\x6F\xED\x03\0\0\0",
      26);
  EXPECT_EQ(unpacked(member), "hi\n");
}

TEST(GzipTest, ContentComesBack) {
  for (std::size_t size : {0U, 1U, 1000U, 65535U, 65536U, 65537U, 300'000U}) {
    const std::string content = random_text(size);
    EXPECT_EQ(unpacked(compressed(content)), content) << size;
  }
}

TEST(GzipTest, MembersAreJoined) {
  EXPECT_EQ(unpacked(compressed("one ") + compressed("") + compressed("two")), "one two");
}

TEST(GzipTest, LimitBoundsTheContent) {
  const std::string content = random_text(100'000), member = compressed(content);
  EXPECT_EQ(unpacked(member, 100'000), content);
  EXPECT_TRUE(throws_error([&] { unpacked(member, 99'999); }, "has more than 99999 bytes"));
  EXPECT_TRUE(throws_error([&] { unpacked(member, 0); }, "has more than 0 bytes"));
  const std::string bomb = compressed(std::string(5'000'000, 'x'));
  EXPECT_TRUE(throws_error([&] { unpacked(bomb, 1000); }, "has more than 1000 bytes"));
  EXPECT_TRUE(
      throws_error([&] { unpacked(member + member, 199'999); }, "has more than 199999 bytes"));
}

TEST(GzipTest, EveryTruncationIsSeen) {
  const std::string member = compressed(random_text(500));
  for (std::size_t size = 0; size < member.size(); ++size) {
    EXPECT_TRUE(throws_error([&] { unpacked(member.substr(0, size)); },
                             size < 2 ? "is not gzip data" : "gzip data is truncated"))
        << size;
  }
}

TEST(GzipTest, EveryFlippedBitIsSeenOrImmaterial) {
  const std::string content = random_text(300), member = compressed(content);
  for (std::size_t bit = 0; bit < member.size() * 8; ++bit) {
    std::string damaged = member;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    try {
      EXPECT_EQ(unpacked(damaged), content) << bit;
      const bool in_header = bit / 8 < 10;  // time stamp and the like
      const bool after_last_code = bit / 8 == member.size() - 9;
      EXPECT_TRUE(in_header || after_last_code) << bit;
    } catch (const Error&) {
    }
  }
}

TEST(GzipTest, WrongChecksumAndTrailingBytesAreNamed) {
  std::string member = compressed("content");
  EXPECT_TRUE(throws_error([&] { unpacked(member + "x"); }, "followed by other bytes"));
  EXPECT_TRUE(throws_error([&] { unpacked(member + std::string(512, '\0')); }, "followed by"));
  member[member.size() - 8] ^= 1;
  EXPECT_TRUE(throws_error([&] { unpacked(member); }, "damaged (incorrect data check)"));
}

TEST(ReadGzipTest, UnpacksByContentAndNotByName) {
  const TemporaryFolder folder;
  write_content(folder / "packed", compressed("content"));
  write_content(folder / "plain.gz", "content");
  write_content(folder / "empty", "");
  EXPECT_EQ(text_of(read_gzip(folder / "packed", 7)), "content");
  EXPECT_EQ(text_of(read_gzip(folder / "plain.gz", 7)), "content");
  EXPECT_EQ(text_of(read_gzip(folder / "empty", 0)), "");
  EXPECT_EQ(text_of(read_gzip(folder / "packed", no_limit)), "content");
}

TEST(ReadGzipTest, ErrorsNameTheFile) {
  const TemporaryFolder folder;
  const std::string path = (folder / "file").string();
  EXPECT_TRUE(throws_error([&] { read_gzip(path, 10); }, path + ": cannot open"));
  write_content(path, compressed("content").substr(0, 15));
  EXPECT_TRUE(throws_error([&] { read_gzip(path, 10); }, path + ": gzip data is truncated"));
  write_content(path, "12345678901");
  EXPECT_TRUE(throws_error([&] { read_gzip(path, 10); }, path + ": has 11 bytes, at most 10"));
  write_content(path, std::string(200'000, 'x'));
  EXPECT_TRUE(throws_error([&] { read_gzip(path, 10); }, path + ": has 200000 bytes"));
}

}  // namespace
}  // namespace lq::testing
