// Feeds the reader of safetensors files arbitrary bytes; libFuzzer supplies main(). Only an Error
// may come out, or a result that covers every byte of the data.

#include <cstdlib>
#include <cstring>
#include <span>

#include "core/error.h"
#include "core/io/safetensors.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  try {
    const lq::SafetensorsFile file = lq::parse_safetensors(bytes);
    const lq::SafetensorsHeader header = lq::parse_safetensors_header(bytes);
    require(header.entries.size() == file.tensors.size());
    std::size_t data_bytes = 0;
    for (std::size_t i = 0; i < header.entries.size(); ++i) {
      const lq::SafetensorsEntry& entry = header.entries[i];
      const auto& [name, tensor] = file.tensors[i];
      require(name == entry.name && tensor.bytes() == entry.end - entry.begin);
      require(std::memcmp(tensor.raw(), data + header.data_start + entry.begin, tensor.bytes()) ==
              0);
      data_bytes += tensor.bytes();
    }
    require(header.data_start + data_bytes == size);
  } catch (const lq::Error&) {
  }
  return 0;
}
