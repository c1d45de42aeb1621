#include <array>

#include "core/threads.h"
#include "kernels/common/bitpack/bitpack.h"
#include "kernels/common/bitpack/bitpack_isa.h"
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

CodePacker::CodePacker(const LevelTableView& table, std::int64_t channels,
                       View<std::int32_t> planes)
    : kernels_(kernels()), table_(table), channels_(channels), planes_(planes) {}

void CodePacker::pack(const float* x, std::int64_t begin, std::int64_t end) const {
  const std::int64_t words = planes_.shape[2];
  kernels_.pack({.x = x,
                 .planes = reinterpret_cast<std::uint32_t*>(planes_.data) + begin * words,
                 .plane_pitch = planes_.shape[1] * words,
                 .pixels = end - begin,
                 .channels = channels_,
                 .bits = static_cast<int>(planes_.shape[0]),
                 .levels = table_.levels.data,
                 .codes = table_.codes.data});
}

void bitpack_forward(Stream&, ConstView<float> x, const LevelTableView& table,
                     View<std::int32_t> planes) {
  const std::int64_t channels = x.shape[1];
  const CodePacker packer(table, channels, planes);
  parallel_for_ranges(x.shape[0], pixels_per_chunk(channels),
                      [&](std::int64_t begin, std::int64_t end) {
                        packer.pack(x.data + begin * channels, begin, end);
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
