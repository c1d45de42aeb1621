#include "tests/resources/launch_bounds.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <numeric>

#include "core/error.h"
#include "emulator/fatbin/fatbin.h"
#include "emulator/ptx/parser.h"

namespace lq::testing {

std::map<std::string, int> launch_bounds_of(std::span<const std::byte> object) {
  // Containers of device code are aligned to 8 bytes in the file, and nothing else starts like one.
  constexpr std::uint32_t container_magic = 0xBA55ED50;
  std::map<std::string, int> bounds;
  std::size_t images = 0;
  for (std::size_t at = 0; at + emulator::fatbin_header_bytes <= object.size(); at += 8) {
    std::uint32_t word = 0;
    std::memcpy(&word, object.data() + at, sizeof(word));
    if (word != container_magic) continue;
    for (const emulator::PtxImage& image : emulator::read_ptx_images(object.subspan(at))) {
      ++images;
      for (const auto& function : emulator::ptx::parse_module(image.text).functions) {
        if (!function.is_entry) continue;
        const auto& extents = function.max_threads;
        const auto threads = std::accumulate(extents.begin(), extents.end(), std::int64_t{1},
                                             std::multiplies<std::int64_t>());
        int& most = bounds[function.name];
        most = std::max(most, extents.empty() ? 0 : static_cast<int>(threads));
      }
    }
  }
  check(images > 0, "launch bounds: no PTX in the object");
  return bounds;
}

}  // namespace lq::testing
