#include "data/shard_index.h"

#include <concepts>
#include <cstring>

#include "core/error.h"
#include "core/io/checksum.h"

namespace lq {

namespace {

constexpr std::string_view magic = "LQSHARD1";
constexpr std::size_t checksum_end = magic.size() + sizeof(std::uint32_t);

class IndexWriter {
 public:
  template <std::integral T>
  void number(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> 8 * i));
    }
  }
  void raw(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class IndexReader {
 public:
  explicit IndexReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <std::integral T>
  T number() {
    std::uint64_t value = 0;
    const auto bytes = take(sizeof(T));
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value |= std::to_integer<std::uint64_t>(bytes[i]) << 8 * i;
    }
    return static_cast<T>(value);
  }
  /// A number of things, each of which takes so many bytes or more.
  template <std::integral T>
  std::size_t count(std::size_t least_bytes) {
    const T count = number<T>();
    check(count <= rest_.size() / least_bytes, "index of shards: {} entries in {} bytes", count,
          rest_.size());
    return static_cast<std::size_t>(count);
  }
  std::string_view text(std::size_t size) {
    const auto bytes = take(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void expect_end() const {
    check(rest_.empty(), "index of shards: {} bytes too many", rest_.size());
  }

 private:
  std::span<const std::byte> take(std::size_t size) {
    check(size <= rest_.size(), "index of shards: truncated");
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  std::span<const std::byte> rest_;
};

void encode(const ShardSplit& split, IndexWriter& writer) {
  writer.number(static_cast<std::uint32_t>(split.shard_bytes.size()));
  for (const std::uint64_t bytes : split.shard_bytes) writer.number(bytes);
  writer.number(static_cast<std::uint64_t>(split.entries.size()));
  for (std::size_t i = 0; i < split.entries.size(); ++i) {
    const ShardEntry& entry = split.entries[i];
    writer.number(entry.shard);
    writer.number(entry.offset);
    writer.number(entry.size);
    writer.number(entry.checksum);
    writer.number(entry.label);
    const std::string_view name = split.names[static_cast<std::int64_t>(i)];
    writer.number(static_cast<std::uint16_t>(name.size()));
    writer.raw(name);
  }
}

void parse(IndexReader& reader, std::size_t classes, ShardSplit& split) {
  constexpr std::size_t entry_bytes = 4 + 8 + 4 + 4 + 4 + 2;
  for (std::size_t n = reader.count<std::uint32_t>(sizeof(std::uint64_t)); n > 0; --n) {
    split.shard_bytes.push_back(reader.number<std::uint64_t>());
  }
  const std::size_t images = reader.count<std::uint64_t>(entry_bytes);
  split.entries.reserve(images);
  for (std::size_t i = 0; i < images; ++i) {
    ShardEntry entry;
    entry.shard = reader.number<std::uint32_t>();
    entry.offset = reader.number<std::uint64_t>();
    entry.size = reader.number<std::uint32_t>();
    entry.checksum = reader.number<std::uint32_t>();
    entry.label = reader.number<std::int32_t>();
    split.names.add(reader.text(reader.number<std::uint16_t>()));
    check(entry.shard < split.shard_bytes.size(), "index of shards: image {} is in shard {} of {}",
          i, entry.shard, split.shard_bytes.size());
    const std::uint64_t bytes = split.shard_bytes[entry.shard];
    check(entry.offset <= bytes && entry.size <= bytes - entry.offset,
          "index of shards: image {} lies outside of its shard", i);
    check(entry.label >= 0 && static_cast<std::size_t>(entry.label) < classes,
          "index of shards: image {} is of class {} of {}", i, entry.label, classes);
    split.entries.push_back(entry);
  }
}

}  // namespace

std::vector<std::byte> encode_shard_index(const ShardIndex& index) {
  IndexWriter writer;
  writer.raw(magic);
  writer.number(std::uint32_t{0});
  writer.number(static_cast<std::uint32_t>(index.classes.size()));
  for (const std::string& name : index.classes) {
    writer.number(static_cast<std::uint32_t>(name.size()));
    writer.raw(name);
  }
  for (const ShardSplit& split : index.splits) encode(split, writer);
  std::vector<std::byte> bytes = writer.take();
  IndexWriter checksum;
  checksum.number(crc32(std::span(bytes).subspan(checksum_end)));
  std::ranges::copy(checksum.take(), bytes.begin() + magic.size());
  return bytes;
}

ShardIndex parse_shard_index(std::span<const std::byte> bytes) {
  check(bytes.size() >= checksum_end && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0,
        "not an index of shards");
  IndexReader reader(bytes.subspan(magic.size()));
  const auto stored = reader.number<std::uint32_t>();
  const std::uint32_t found = crc32(bytes.subspan(checksum_end));
  check(stored == found,
        "index of shards: checksum is {:08x}, expected {:08x}: damaged or truncated", found,
        stored);
  ShardIndex index;
  for (std::size_t n = reader.count<std::uint32_t>(sizeof(std::uint32_t)); n > 0; --n) {
    index.classes.emplace_back(reader.text(reader.number<std::uint32_t>()));
  }
  for (ShardSplit& split : index.splits) parse(reader, index.classes.size(), split);
  reader.expect_end();
  return index;
}

}  // namespace lq
