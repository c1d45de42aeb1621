#include "data/shard_index.h"

#include "core/io/checksum.h"
#include "tests/data/files.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

ShardIndex example() {
  ShardIndex index;
  index.classes = {"cat", "a much longer name of a dog"};
  ShardSplit& train = index.splits[0];
  train.shard_bytes = {100, 50};
  train.entries = {{.shard = 0, .offset = 0, .size = 60, .checksum = 7, .label = 1},
                   {.shard = 0, .offset = 60, .size = 40, .checksum = 0xffffffff, .label = 0},
                   {.shard = 1, .offset = 50, .size = 0, .checksum = 1, .label = 1}};
  for (const char* name : {"dog/1.JPEG", "", "x"}) train.names.add(name);
  return index;
}

/// The index with another number in it and a checksum that fits.
std::vector<std::byte> changed(std::size_t at, std::uint8_t value) {
  std::vector<std::byte> bytes = encode_shard_index(example());
  bytes[at] = std::byte{value};
  const std::uint32_t sum = crc32(std::span(bytes).subspan(12));
  for (int i = 0; i < 4; ++i) bytes[8 + i] = static_cast<std::byte>(sum >> 8 * i);
  return bytes;
}

TEST(ShardIndex, RoundTrip) {
  const ShardIndex expected = example();
  const ShardIndex index = parse_shard_index(encode_shard_index(expected));
  EXPECT_EQ(index.classes, expected.classes);
  for (std::size_t split = 0; split < 2; ++split) {
    const ShardSplit &a = index.splits[split], &b = expected.splits[split];
    EXPECT_EQ(a.shard_bytes, b.shard_bytes);
    ASSERT_EQ(a.entries.size(), b.entries.size());
    for (std::size_t i = 0; i < a.entries.size(); ++i) {
      EXPECT_EQ(a.entries[i].shard, b.entries[i].shard);
      EXPECT_EQ(a.entries[i].offset, b.entries[i].offset);
      EXPECT_EQ(a.entries[i].size, b.entries[i].size);
      EXPECT_EQ(a.entries[i].checksum, b.entries[i].checksum);
      EXPECT_EQ(a.entries[i].label, b.entries[i].label);
      EXPECT_EQ(a.names[static_cast<std::int64_t>(i)], b.names[static_cast<std::int64_t>(i)]);
    }
  }
}

TEST(ShardIndex, IsWhatTheHeaderDescribes) {
  ShardIndex index;
  index.classes = {"ab"};
  index.splits[1].shard_bytes = {0x102};
  index.splits[1].entries = {{.shard = 0, .offset = 3, .size = 4, .checksum = 5, .label = 0}};
  index.splits[1].names.add("n");
  const std::string text(
      "\1\0\0\0\2\0\0\0ab"                                      // classes
      "\0\0\0\0\0\0\0\0\0\0\0\0"                                // train
      "\1\0\0\0\2\1\0\0\0\0\0\0\1\0\0\0\0\0\0\0"                // val
      "\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\5\0\0\0\0\0\0\0\1\0n",  // its image
      10 + 12 + 20 + 27);
  const std::vector<std::byte> bytes = encode_shard_index(index);
  const auto* characters = reinterpret_cast<const char*>(bytes.data());
  EXPECT_EQ(std::string(characters, 8), "LQSHARD1");
  EXPECT_EQ(std::string(characters + 12, bytes.size() - 12), text);
}

TEST(ShardIndex, RefusesEntriesThatDoNotFit) {
  const auto refusal = [](std::size_t at, std::uint8_t value) {
    return error_of([&] { parse_shard_index(changed(at, value)); });
  };
  // Behind the classes and the sizes of the shards: the first entry.
  const std::size_t entry = 12 + 4 + 4 + 3 + 4 + 27 + 4 + 16 + 8;
  expect_contains(refusal(entry, 2), {"image 0 is in shard 2 of 2"});
  expect_contains(refusal(entry + 4, 41), {"image 0 lies outside"});
  expect_contains(refusal(entry + 11, 0xff), {"image 0 lies outside"});
  expect_contains(refusal(entry + 12, 101), {"image 0 lies outside"});
  expect_contains(refusal(entry + 20, 2), {"image 0 is of class 2 of 2"});
  expect_contains(refusal(entry + 23, 0xff), {"image 0 is of class -"});
  expect_contains(refusal(entry - 1, 1), {"entries in"});
  expect_contains(refusal(12 + 3, 1), {"entries in"});
}

TEST(ShardIndex, RandomDamageIsRefusedOrHarmless) {
  Rng rng(2, RngPurpose::test);
  const std::size_t size = encode_shard_index(example()).size();
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    const auto at = static_cast<std::size_t>(random_integer(rng, 12, static_cast<int>(size) - 1));
    try {
      const ShardIndex index =
          parse_shard_index(changed(at, static_cast<std::uint8_t>(rng.below(256))));
      ++accepted;
      for (const ShardSplit& split : index.splits) {
        for (std::int64_t i = 0; i < split.names.size(); ++i) split.names[i];
      }
    } catch (const Error&) {
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace lq::testing
