// Feeds the reader of the index of shards arbitrary bytes, also with a checksum that fits;
// libFuzzer supplies main(). Only an Error may come out.

#include <cstring>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/io/checksum.h"
#include "data/shard_index.h"

namespace {

void parse(std::span<const std::byte> bytes) {
  try {
    const lq::ShardIndex index = lq::parse_shard_index(bytes);
    for (const lq::ShardSplit& split : index.splits) {
      for (std::int64_t i = 0; i < split.names.size(); ++i) split.names[i];
    }
  } catch (const lq::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  parse(bytes);
  std::vector<std::byte> sealed(12 + size);
  std::memcpy(sealed.data(), "LQSHARD1", 8);
  std::ranges::copy(bytes, sealed.begin() + 12);
  const std::uint32_t sum = lq::crc32(bytes);
  for (int i = 0; i < 4; ++i) sealed[8 + i] = static_cast<std::byte>(sum >> 8 * i);
  parse(sealed);
  return 0;
}
