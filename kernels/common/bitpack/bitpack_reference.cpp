#include <algorithm>

#include "core/packed_layout.h"
#include "kernels/common/bitpack/bitpack.h"

namespace lq::kernels::reference {

void bitpack_forward(Stream&, ConstView<float> x, const LevelTableView& table,
                     View<std::int32_t> planes) {
  const std::int64_t channels = x.shape[1];
  const std::int64_t plane_words = planes.shape[1] * planes.shape[2];
  std::fill(planes.begin(), planes.end(), 0);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    std::int64_t position = 0;
    for (std::int64_t l = 0; l < table.size(); ++l) {
      if (x[i] >= table.levels[l]) position = l;
    }
    const std::int64_t channel = i % channels;
    const std::int64_t word = i / channels * packed::words(channels) + packed::word_of(channel);
    for (std::int64_t plane = 0; plane < planes.shape[0]; ++plane) {
      if ((table.codes[position] >> plane & 1) == 0) continue;
      planes[plane * plane_words + word] |=
          static_cast<std::int32_t>(1U << packed::bit_of(channel));
    }
  }
}

void bitpack_inverse(Stream&, ConstView<std::int32_t> planes, const LevelTableView& table,
                     View<float> x) {
  const std::int64_t channels = x.shape[1];
  const std::int64_t plane_words = planes.shape[1] * planes.shape[2];
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t channel = i % channels;
    const std::int64_t word = i / channels * packed::words(channels) + packed::word_of(channel);
    int code = 0;
    for (std::int64_t plane = 0; plane < planes.shape[0]; ++plane) {
      const auto bits = static_cast<std::uint32_t>(planes[plane * plane_words + word]);
      code |= static_cast<int>(bits >> packed::bit_of(channel) & 1U) << plane;
    }
    const std::uint8_t* position =
        std::find(table.codes.begin(), table.codes.end(), static_cast<std::uint8_t>(code));
    x[i] = table.levels[position - table.codes.begin()];
  }
}

}  // namespace lq::kernels::reference
