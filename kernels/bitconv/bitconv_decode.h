// Coded weights become floats, a block at a time.
// Only for bitconv_cpu_bit_isa.cpp: see common/isa_variants.h.
#pragma once

#include "kernels/bitconv/bitconv_multiply.h"

namespace lq::kernels::LQNET_ISA {

namespace {

using bitconv::CodedBlock;

/// For each lane the one of 2^Bits levels whose number has its bits in `bits`.
template <int Bits>
LQNET_INLINE FloatVector choose(const FloatVector* levels, const LaneMask* bits) {
  if constexpr (Bits == 0) {
    return levels[0];
  } else {
    constexpr int half = 1 << (Bits - 1);
    return select(bits[Bits - 1], choose<Bits - 1>(levels + half, bits),
                  choose<Bits - 1>(levels, bits));
  }
}

template <int Bits>
void decode_block(const CodedBlock& block, float* to, std::int64_t pitch) {
  constexpr int count = 1 << (Bits - 1);
  for (int lane = 0; lane < block_channels; lane += simd_lanes) {
    FloatVector levels[count];
    for (int i = 0; i < count; ++i) levels[i] = load(block.levels + i * block_channels + lane);
    const std::uint16_t* planes = block.planes;
    float* word = to + lane;
#pragma GCC unroll 4
    for (std::int64_t left = block.words; left > 0; --left) {
      LaneMask bits[Bits];
      LQNET_UNROLL
      for (int i = 0; i < Bits; ++i) bits[i] = lane_mask(planes[i], lane);
      store(word, negated_where(bits[Bits - 1], choose<Bits - 1>(levels, bits)));
      planes += Bits;
      word += pitch;
    }
  }
}

/// Writes the 16 floats of each word, `pitch` floats apart.
void decode(const CodedBlock& block, float* to, std::int64_t pitch) {
  using Function = void(const CodedBlock&, float*, std::int64_t);
  static constexpr Function* by_bits[bitconv::max_decoded_bits] = {
      decode_block<1>, decode_block<2>, decode_block<3>, decode_block<4>};
  by_bits[block.bits - 1](block, to, pitch);
}

}  // namespace

}  // namespace lq::kernels::LQNET_ISA
