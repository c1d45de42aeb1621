// Checksums of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lq {

/// CRC-32 as gzip, zlib and PNG use it (polynomial 0xEDB88320), over bytes that arrive in pieces.
class Crc32 {
 public:
  void update(std::span<const std::byte> bytes);
  /// The checksum of all bytes so far; 0 when there were none.
  std::uint32_t value() const { return value_; }

 private:
  std::uint32_t value_ = 0;
};

/// The checksum of one piece.
std::uint32_t crc32(std::span<const std::byte> bytes);

}  // namespace lq
