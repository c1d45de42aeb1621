#include <array>

#include "core/threads.h"
#include "kernels/bitpack/bitpack.h"
#include "kernels/bitpack/bitpack_isa.h"
#include "kernels/common/isa_variants.h"

namespace lq::kernels::cpu {

namespace {

constexpr std::int64_t grain = 1 << 15;  // values per chunk: 128 KiB

std::int64_t pixels_per_chunk(std::int64_t channels) {
  return std::max<std::int64_t>(grain / std::max<std::int64_t>(channels, 1), 1);
}

const BitpackKernels& kernels() {
  return choose_isa<BitpackKernels>(LQNET_BIT_ISAS(bitpack_kernels));
}

}  // namespace

void bitpack_forward(Stream&, ConstView<float> x, const LevelTableView& table,
                     View<std::int32_t> planes) {
  const BitpackKernels& chosen = kernels();
  const std::int64_t words = planes.shape[2];
  auto* to = reinterpret_cast<std::uint32_t*>(planes.data);
  parallel_for_ranges(x.shape[0], pixels_per_chunk(x.shape[1]),
                      [&](std::int64_t begin, std::int64_t end) {
                        chosen.pack({.x = x.data + begin * x.shape[1],
                                     .planes = to + begin * words,
                                     .plane_pitch = planes.shape[1] * words,
                                     .pixels = end - begin,
                                     .channels = x.shape[1],
                                     .bits = static_cast<int>(planes.shape[0]),
                                     .levels = table.levels.data,
                                     .codes = table.codes.data});
                      });
}

void bitpack_inverse(Stream&, ConstView<std::int32_t> planes, const LevelTableView& table,
                     View<float> x) {
  const BitpackKernels& chosen = kernels();
  std::array<float, 1 << max_packed_bits> levels_by_code{};
  for (std::int64_t l = 0; l < table.size(); ++l) {
    levels_by_code[table.codes[l] % levels_by_code.size()] = table.levels[l];
  }
  const std::int64_t words = planes.shape[2];
  const auto* from = reinterpret_cast<const std::uint32_t*>(planes.data);
  parallel_for_ranges(x.shape[0], pixels_per_chunk(x.shape[1]),
                      [&](std::int64_t begin, std::int64_t end) {
                        chosen.unpack({.planes = from + begin * words,
                                       .plane_pitch = planes.shape[1] * words,
                                       .x = x.data + begin * x.shape[1],
                                       .pixels = end - begin,
                                       .channels = x.shape[1],
                                       .bits = static_cast<int>(planes.shape[0]),
                                       .levels_by_code = levels_by_code.data()});
                      });
}

}  // namespace lq::kernels::cpu
