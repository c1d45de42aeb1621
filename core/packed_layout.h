// The layout of packed bit-planes: written here once, used by packers, kernels and tests alike.
#pragma once

#include <cstdint>

namespace lq {

/// Activations as bit-planes: planes x N x H x W x words, words = ceil(C/32).
/// Channel c of a pixel is bit c%32 of word c/32; plane j holds bit j of every code, the one that
/// carries basis element v_j (spec section 1). Bits beyond C are always zero: every writer keeps
/// this, so that readers may count whole words.
namespace packed {

inline constexpr int bits_per_word = 32;

constexpr std::int64_t words(std::int64_t channels) {
  return (channels + bits_per_word - 1) / bits_per_word;
}
constexpr std::int64_t word_of(std::int64_t channel) { return channel / bits_per_word; }
constexpr int bit_of(std::int64_t channel) { return static_cast<int>(channel % bits_per_word); }

/// The bits of the last word of a pixel that belong to channels.
constexpr std::uint32_t tail_mask(std::int64_t channels) {
  const int used = bit_of(channels);
  return used == 0 ? ~0U : (1U << used) - 1U;
}

}  // namespace packed
}  // namespace lq
