#include "kernels/common/bit_simd.h"
#include "kernels/common/bitpack/bitpack_isa.h"

// Arrays below are meant to be registers.
#define LQNET_UNROLL _Pragma("GCC unroll 16")

namespace lq::kernels::LQNET_ISA {

namespace {

constexpr int word_bits = 32;

/// Levels but for the lowest, and what reaching each of them does to the code of the level below.
template <int bits>
struct Steps {
  static constexpr int count = (1 << bits) - 1;
  float levels[count];
  std::uint32_t flips[count][bits];  // all bits set where the plane's bit changes

  explicit Steps(const BitpackRun& run) {
    for (int s = 0; s < count; ++s) {
      levels[s] = run.levels[s + 1];
      const int changes = run.codes[s + 1] ^ run.codes[s];
      for (int plane = 0; plane < bits; ++plane) flips[s][plane] = -(changes >> plane & 1);
    }
  }
};

/// One word of each plane, of n <= 32 channels. `lowest` has the planes of the lowest level.
template <int bits>
inline void pack_word(const float* x, int n, const Steps<bits>& steps,
                      const std::uint32_t (&lowest)[bits], std::uint32_t (&words)[bits]) {
  std::uint32_t reached[Steps<bits>::count] = {};  // channels at or above each level
  int i = 0;
  for (; i + simd_lanes <= n; i += simd_lanes) {
    const FloatVector value = load(x + i);
    LQNET_UNROLL
    for (int s = 0; s < steps.count; ++s) {
      reached[s] |= lanes_of((IntVector)(value >= broadcast(steps.levels[s]))) << i;
    }
  }
  for (; i < n; ++i) {
    for (int s = 0; s < steps.count; ++s) {
      reached[s] |= static_cast<std::uint32_t>(x[i] >= steps.levels[s]) << i;
    }
  }
  LQNET_UNROLL
  for (int plane = 0; plane < bits; ++plane) {
    std::uint32_t word = lowest[plane];
    LQNET_UNROLL
    for (int s = 0; s < steps.count; ++s) word ^= reached[s] & steps.flips[s][plane];
    words[plane] = word;
  }
}

/// The bits of n channels, 1 to 32.
std::uint32_t bits_of(int n) { return ~0U >> (word_bits - n); }

template <int bits>
void pack_planes(const BitpackRun& run) {
  const Steps<bits> steps(run);
  const auto lowest_of = [&run](int n, std::uint32_t(&lowest)[bits]) {
    for (int plane = 0; plane < bits; ++plane) {
      lowest[plane] = (run.codes[0] >> plane & 1) != 0 ? bits_of(n) : 0;
    }
  };
  const std::int64_t whole = run.channels / word_bits;
  const int rest = static_cast<int>(run.channels % word_bits);
  std::uint32_t lowest[bits];
  std::uint32_t lowest_of_rest[bits];
  lowest_of(word_bits, lowest);
  lowest_of(rest == 0 ? word_bits : rest, lowest_of_rest);

  const float* x = run.x;
  std::uint32_t* to = run.planes;
  std::uint32_t words[bits];
  const auto store_words = [&] {
    for (int plane = 0; plane < bits; ++plane) to[plane * run.plane_pitch] = words[plane];
    ++to;
  };
  for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel) {
    for (std::int64_t w = 0; w < whole; ++w) {
      pack_word<bits>(x, word_bits, steps, lowest, words);
      store_words();
      x += word_bits;
    }
    if (rest != 0) {
      pack_word<bits>(x, rest, steps, lowest_of_rest, words);
      store_words();
      x += rest;
    }
  }
}

/// 1 << lane.
IntVector lane_bits() {
  IntVector vector{};
  for (int lane = 0; lane < simd_lanes; ++lane) vector[lane] = 1 << lane;
  return vector;
}

/// The levels of n <= 32 channels. The bits of a code choose among 2^bits levels like rounds of a
/// knock-out: the lowest bit within pairs, the next one among the winners.
template <int bits>
inline void unpack_word(const std::uint32_t (&words)[bits], int n, const float* levels_by_code,
                        IntVector lane_bit, float* x) {
  int i = 0;
  for (; i + simd_lanes <= n; i += simd_lanes) {
    FloatVector levels[1 << bits];
    LQNET_UNROLL
    for (int code = 0; code < 1 << bits; ++code) levels[code] = broadcast(levels_by_code[code]);
    LQNET_UNROLL
    for (int plane = 0; plane < bits; ++plane) {
      const IntVector word = IntVector{} + static_cast<std::int32_t>(words[plane] >> i);
      const IntVector is_set = (word & lane_bit) != IntVector{};
      // Not in the loop's condition: a shift that a sanitizer checks keeps it from being unrolled.
      const int pairs = 1 << (bits - 1 - plane);
      LQNET_UNROLL
      for (int pair = 0; pair < pairs; ++pair) {
        levels[pair] = is_set ? levels[2 * pair + 1] : levels[2 * pair];
      }
    }
    store(x + i, levels[0]);
  }
  for (; i < n; ++i) {
    unsigned code = 0;
    for (int plane = 0; plane < bits; ++plane) code |= (words[plane] >> i & 1U) << plane;
    x[i] = levels_by_code[code];
  }
}

template <int bits>
void unpack_planes(const BitunpackRun& run) {
  const IntVector lane_bit = lane_bits();
  const std::int64_t whole = run.channels / word_bits;
  const int rest = static_cast<int>(run.channels % word_bits);
  const std::uint32_t* from = run.planes;
  float* x = run.x;
  std::uint32_t words[bits];
  const auto load_planes = [&] {
    for (int plane = 0; plane < bits; ++plane) words[plane] = from[plane * run.plane_pitch];
    ++from;
  };
  for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel) {
    for (std::int64_t w = 0; w < whole; ++w) {
      load_planes();
      unpack_word<bits>(words, word_bits, run.levels_by_code, lane_bit, x);
      x += word_bits;
    }
    if (rest != 0) {
      load_planes();
      unpack_word<bits>(words, rest, run.levels_by_code, lane_bit, x);
      x += rest;
    }
  }
}

void pack(const BitpackRun& run) {
  static constexpr void (*by_bits[])(const BitpackRun&) = {pack_planes<1>, pack_planes<2>,
                                                           pack_planes<3>, pack_planes<4>};
  by_bits[run.bits - 1](run);
}

void unpack(const BitunpackRun& run) {
  static constexpr void (*by_bits[])(const BitunpackRun&) = {unpack_planes<1>, unpack_planes<2>,
                                                             unpack_planes<3>, unpack_planes<4>};
  by_bits[run.bits - 1](run);
}

}  // namespace

extern const BitpackKernels bitpack_kernels = {pack, unpack};

}  // namespace lq::kernels::LQNET_ISA
