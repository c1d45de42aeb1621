#include "deploy/packed_format.h"

#include <fmt/format.h>

namespace lq::deploy::packed_format {

std::string weights_name(std::size_t operation, std::size_t segment) {
  return fmt::format("w{}.{}", operation, segment);
}

std::int64_t packed_bytes(std::int64_t count, int bits) { return (count * bits + 7) / 8; }

std::vector<std::uint8_t> pack_codes(std::span<const std::uint8_t> codes, int bits) {
  std::vector<std::uint8_t> packed(packed_bytes(std::ssize(codes), bits), 0);
  std::size_t k = 0;
  for (int i = 0; i < bits; ++i) {
    for (const std::uint8_t code : codes) {
      packed[k / 8] = static_cast<std::uint8_t>(packed[k / 8] | ((code >> i) & 1) << k % 8);
      ++k;
    }
  }
  return packed;
}

std::vector<std::uint8_t> unpack_codes(std::span<const std::uint8_t> packed, std::int64_t count,
                                       int bits) {
  std::vector<std::uint8_t> codes(count, 0);
  std::size_t k = 0;
  for (int i = 0; i < bits; ++i) {
    for (std::uint8_t& code : codes) {
      code = static_cast<std::uint8_t>(code | ((packed[k / 8] >> k % 8) & 1) << i);
      ++k;
    }
  }
  return codes;
}

}  // namespace lq::deploy::packed_format
