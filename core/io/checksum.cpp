#include "core/io/checksum.h"

#include <zlib.h>

namespace lq {

void Crc32::update(std::span<const std::byte> bytes) {
  // An empty span may hold a null pointer, which zlib would take as a request to start over.
  if (bytes.empty()) return;
  value_ = static_cast<std::uint32_t>(
      ::crc32_z(value_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::uint32_t crc32(std::span<const std::byte> bytes) {
  Crc32 checksum;
  checksum.update(bytes);
  return checksum.value();
}

}  // namespace lq
