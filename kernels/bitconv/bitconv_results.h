// What bitconv makes of the sums of a block: floats, and positions among thresholds as symbols.
// Only for bitconv_cpu_bit_isa.cpp: see common/isa_variants.h.
#pragma once

#include "kernels/bitconv/bitconv_multiply.h"

namespace lq::kernels::LQNET_ISA {

namespace {

using bitconv::BitconvJob;
using bitconv::FloatResult;
using bitconv::SymbolResult;

/// Pixels of a strip that are worked on together: first all products of a group of rows, then what
/// is made of them. Apart, neither waits for the other, and both stay in the first-level cache.
constexpr int run_pixels = 64;

void add_residual(const float* residual, std::int64_t pitch, int pixels, int channels,
                  float (*sums)[block_channels]) {
  for (int p = 0; p < pixels; ++p) {
    const float* from = residual + p * pitch;
    if (channels == block_channels) {
      for (int i = 0; i < block_channels; i += simd_lanes) {
        store(sums[p] + i, load(sums[p] + i) + load(from + i));
      }
    } else {
      for (int i = 0; i < channels; ++i) sums[p][i] += from[i];
    }
  }
}

void store_floats(const FloatResult& result, std::int64_t channel, std::int64_t pitch,
                  std::int64_t pixel, int pixels, int channels,
                  const float (*sums)[block_channels]) {
  for (int p = 0; p < pixels; ++p) {
    float* to = result.to + (pixel + p) * pitch + channel;
    alignas(64) float values[block_channels];
    float* target = channels == block_channels ? to : values;
    for (int i = 0; i < block_channels; i += simd_lanes) {
      FloatVector value = load(sums[p] + i);
      if (result.scale != nullptr) {
        value = value * load(result.scale + channel + i) + load(result.shift + channel + i);
      }
      if (result.relu) value = value > FloatVector{} ? value : FloatVector{};
      store(target + i, value);
    }
    if (target == values) __builtin_memcpy(to, values, channels * sizeof(float));
  }
}

constexpr int any_number = -1;

/// A block of a symbol result: pointers to its first channel.
struct SymbolBlock {
  const float* thresholds;
  std::int64_t threshold_pitch;
  int threshold_count;
  const std::uint32_t* signs;
  const std::uint8_t* symbols;
  const std::uint32_t* flips;
  std::uint8_t* to;  // first pixel
  std::int64_t pixel_pitch;
  std::int64_t plane_pitch;  // bytes
  int planes;
  int channels;     // that exist
  bool ends_words;  // no other block writes the upper halves of its words

  std::uint32_t lanes() const { return (1U << channels) - 1U; }  // that are channels
};

SymbolBlock block_of(const SymbolResult& result, const BitconvJob& job, std::int64_t block,
                     std::int64_t pixel, int channels) {
  const std::int64_t channel = block * block_channels;
  const std::int64_t bytes = result.planes == 0 ? channel : channel / 8;
  return {.thresholds = result.thresholds + channel,
          .threshold_pitch = job.blocks * block_channels,
          .threshold_count = result.threshold_count,
          .signs = result.signs + channel,
          .symbols = result.symbols,
          .flips = result.flips,
          .to = static_cast<std::uint8_t*>(result.to) + pixel * result.pixel_pitch + bytes,
          .pixel_pitch = result.pixel_pitch,
          .plane_pitch = result.plane_pitch * 4,
          .planes = result.planes,
          .channels = channels,
          .ends_words = block + 1 == job.blocks && block % 2 == 0};
}

/// How many of N = 2^k - 1 ascending thresholds lie below each value, by bisection.
template <int N>
inline IntVector position_among(FloatVector value, const FloatVector (&thresholds)[N]) {
  constexpr int middle = N / 2;
  const IntVector above = (value > thresholds[middle]) & (middle + 1);
  if constexpr (N == 1) {
    return above;
  } else {
    FloatVector half[middle];
    LQNET_UNROLL
    for (int t = 0; t < middle; ++t) {
      half[t] = value > thresholds[middle] ? thresholds[middle + 1 + t] : thresholds[t];
    }
    return above + position_among(value, half);
  }
}

/// The thresholds of a block, one vector wide.
template <int N>
struct Thresholds {
  FloatVector values[N];

  void read(const SymbolBlock& block, int part) {
    LQNET_UNROLL
    for (int t = 0; t < N; ++t) {
      values[t] = load(block.thresholds + t * block.threshold_pitch + part * simd_lanes);
    }
  }
  IntVector below(FloatVector value) const { return position_among(value, values); }
};

/// The same for any number.
template <>
struct Thresholds<any_number> {
  const float* values;
  std::int64_t pitch;
  int count;

  void read(const SymbolBlock& block, int part) {
    values = block.thresholds + part * simd_lanes;
    pitch = block.threshold_pitch;
    count = block.threshold_count;
  }
  IntVector below(FloatVector value) const {
    IntVector position{};
    for (int t = 0; t < count; ++t) position -= value > load(values + t * pitch);
    return position;
  }
};

/// The symbols of a block's channels, of which each has a byte; `table` has the first 16.
template <int N>
inline Bytes symbols_at(const SymbolBlock& block, Bytes table,
                        const IntVector (&positions)[parts]) {
  using PartBytes = std::uint8_t __attribute__((vector_size(simd_lanes)));
  Bytes bytes;
  for (int part = 0; part < parts; ++part) {
    const PartBytes narrow = __builtin_convertvector(positions[part], PartBytes);
    __builtin_memcpy(reinterpret_cast<std::uint8_t*>(&bytes) + part * simd_lanes, &narrow,
                     sizeof narrow);
  }
  if constexpr (N != any_number) {
    static_assert(N < block_channels);
    return look_up(table, bytes);
  }
  for (int i = 0; i < block_channels; ++i) bytes[i] = block.symbols[bytes[i]];
  return bytes;
}

/// The bits of one plane; those of lanes that are no channels are 0.
inline void store_bits(const SymbolBlock& block, std::uint8_t* to, std::uint32_t bits) {
  if (block.ends_words) {
    __builtin_memcpy(to, &bits, 4);
  } else {
    __builtin_memcpy(to, &bits, 2);
  }
}

inline void store_planes(const SymbolBlock& block, std::uint8_t* to, Bytes symbols) {
  for (int plane = 0; plane < block.planes; ++plane) {
    store_bits(block, to, bytes_with_bit(symbols, plane) & block.lanes());
    to += block.plane_pitch;
  }
}

inline void store_bytes(const SymbolBlock& block, std::uint8_t* to, Bytes symbols) {
  if (block.channels == block_channels) {
    __builtin_memcpy(to, &symbols, block_channels);
  } else {
    __builtin_memcpy(to, &symbols, block.channels);
  }
}

/// Planes of symbols of 1 or 2 bits: along the thresholds, each bit flips at some of them.
template <int K>
[[gnu::noinline]] void store_flipping_planes(const SymbolBlock block, int pixels,
                                             const float (*sums)[block_channels]) {
  constexpr int count = (1 << K) - 1;
  Thresholds<count> thresholds[parts];
  IntVector signs[parts];
  for (int part = 0; part < parts; ++part) {
    thresholds[part].read(block, part);
    signs[part] = load_words(block.signs + part * simd_lanes);
  }
  // Masks go to memory, and what comes of them is computed for many pixels at a time.
  std::uint16_t above[count][run_pixels];
  for (int p = 0; p < pixels; ++p) {
    std::uint32_t lanes[count] = {};
    for (int part = 0; part < parts; ++part) {
      const IntVector value = (IntVector)load(sums[p] + part * simd_lanes) ^ signs[part];
      LQNET_UNROLL
      for (int t = 0; t < count; ++t) {
        lanes[t] |= lanes_greater((FloatVector)value, thresholds[part].values[t])
                    << (part * simd_lanes);
      }
    }
    LQNET_UNROLL
    for (int t = 0; t < count; ++t) above[t][p] = static_cast<std::uint16_t>(lanes[t]);
  }
  LQNET_UNROLL
  for (int plane = 0; plane < K; ++plane) {
    std::uint16_t flips[count + 1];
    LQNET_UNROLL
    for (int t = 0; t <= count; ++t) {
      flips[t] = static_cast<std::uint16_t>(block.flips[plane * (count + 1) + t] & block.lanes());
    }
    std::uint16_t bits[run_pixels];
    for (int p = 0; p < run_pixels; ++p) {
      bits[p] = flips[0];
      LQNET_UNROLL
      for (int t = 0; t < count; ++t) bits[p] ^= above[t][p] & flips[t + 1];
    }
    std::uint8_t* to = block.to + plane * block.plane_pitch;
    for (int p = 0; p < pixels; ++p) store_bits(block, to + p * block.pixel_pitch, bits[p]);
  }
}

/// The usual numbers of thresholds are constants, and the thresholds then registers.
template <int N>
[[gnu::noinline]] void store_symbols(const SymbolBlock block, int pixels,
                                     const float (*sums)[block_channels]) {
  Thresholds<N> thresholds[parts];
  IntVector signs[parts];
  for (int part = 0; part < parts; ++part) {
    thresholds[part].read(block, part);
    signs[part] = load_words(block.signs + part * simd_lanes);
  }
  Bytes table;
  __builtin_memcpy(&table, block.symbols, sizeof table);
  for (int p = 0; p < pixels; ++p) {
    IntVector positions[parts];
    for (int part = 0; part < parts; ++part) {
      const IntVector value = (IntVector)load(sums[p] + part * simd_lanes) ^ signs[part];
      positions[part] = thresholds[part].below((FloatVector)value);
    }
    std::uint8_t* to = block.to + p * block.pixel_pitch;
    const Bytes symbols = symbols_at<N>(block, table, positions);
    if (block.planes == 0) {
      store_bytes(block, to, symbols);
    } else {
      store_planes(block, to, symbols);
    }
  }
}

void store_symbols(const SymbolBlock& block, int pixels, const float (*sums)[block_channels]) {
  if (block.threshold_count == 1 && block.planes == 1) {
    return store_flipping_planes<1>(block, pixels, sums);
  }
  if (block.threshold_count == 3 && block.planes == 2) {
    return store_flipping_planes<2>(block, pixels, sums);
  }
  switch (block.threshold_count) {
    case 1:
      return store_symbols<1>(block, pixels, sums);
    case 3:
      return store_symbols<3>(block, pixels, sums);
    case 7:
      return store_symbols<7>(block, pixels, sums);
    case 15:
      return store_symbols<15>(block, pixels, sums);
    default:
      return store_symbols<any_number>(block, pixels, sums);
  }
}

}  // namespace

}  // namespace lq::kernels::LQNET_ISA
