// The index of a folder of shards: see data/shards.h for the format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/name_list.h"

namespace lq {

struct ShardEntry {
  std::uint32_t shard = 0;
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  std::uint32_t checksum = 0;
  std::int32_t label = 0;
};

/// The images of train, or of val.
struct ShardSplit {
  std::vector<std::uint64_t> shard_bytes;
  std::vector<ShardEntry> entries;
  NameList names;  ///< of the entries
};

inline constexpr std::array<const char*, 2> shard_split_names{"train", "val"};

struct ShardIndex {
  std::vector<std::string> classes;
  std::array<ShardSplit, 2> splits;  ///< in the order of the names above
};

std::vector<std::byte> encode_shard_index(const ShardIndex& index);

/// Throws Error for bytes that are no index, damaged, or whose entries lie outside of their shards
/// or have no class. Takes memory in proportion to the bytes.
ShardIndex parse_shard_index(std::span<const std::byte> bytes);

}  // namespace lq
