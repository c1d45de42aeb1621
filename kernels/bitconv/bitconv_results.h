// What bitconv makes of the sums of a block: floats, and positions among thresholds as symbols.
// Only for bitconv_cpu_bit_isa.cpp: see common/isa_variants.h.
#pragma once

#include "kernels/bitconv/bitconv_multiply.h"

namespace lq::kernels::LQNET_ISA {

namespace {

using bitconv::BitconvJob;
using bitconv::blocks_per_tile;
using bitconv::FloatResult;
using bitconv::SymbolResult;

/// Most pixels that are worked on together: first all products of a group of rows, then what is
/// made of them. Apart, neither waits for the other, and both stay in the first-level cache.
constexpr int run_pixels = 64;

struct RunSums {
  alignas(64) float of[run_pixels][block_channels];
};

/// Channels of a block that exist.
inline int channels_of(const BitconvJob& job, std::int64_t block) {
  const std::int64_t left = job.output_channels - block * block_channels;
  return left < block_channels ? static_cast<int>(left) : block_channels;
}

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
constexpr int most_planes = 8;

/// A block of a symbol result: pointers to its first channel.
struct SymbolBlock {
  const float* thresholds;
  std::int64_t threshold_pitch;
  int threshold_count;
  const std::uint32_t* signs;
  const std::uint8_t* symbols;
  const std::uint32_t* flips;
  int channels;  // that exist

  std::uint32_t lanes() const { return (1U << channels) - 1U; }  // that are channels
};

SymbolBlock block_of(const SymbolResult& result, const BitconvJob& job, std::int64_t block) {
  const std::int64_t channel = block * block_channels;
  return {.thresholds = result.thresholds + channel,
          .threshold_pitch = job.blocks * block_channels,
          .threshold_count = result.threshold_count,
          .signs = result.signs + channel,
          .symbols = result.symbols,
          .flips = result.flips,
          .channels = channels_of(job, block)};
}

/// One plane's bits of a run, by block of the tile: the halves of its words. Those of channels that
/// do not exist are 0.
struct PlaneBits {
  std::uint16_t of[blocks_per_tile][run_pixels];

  /// A tile of one block is the last one: the rest of its words is no channels.
  void complete(int blocks, int pixels) {
    if (blocks < blocks_per_tile) __builtin_memset(of[1], 0, pixels * sizeof of[1][0]);
  }

  void store(std::uint8_t* to, std::int64_t pixel_pitch, int pixels) const {
    static_assert(blocks_per_tile == 2);
    std::uint32_t words[run_pixels];
    for (int p = 0; p < pixels; ++p) words[p] = of[0][p] | std::uint32_t{of[1][p]} << 16;
    if (pixel_pitch == sizeof words[0]) {
      __builtin_memcpy(to, words, pixels * sizeof words[0]);
      return;
    }
    for (int p = 0; p < pixels; ++p) __builtin_memcpy(to + p * pixel_pitch, words + p, 4);
  }
};

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

/// Where symbols of a block go as bytes.
struct ByteSink {
  std::uint8_t* to;  // first pixel
  std::int64_t pixel_pitch;
  int channels;

  void put(int pixel, Bytes symbols) const {
    std::uint8_t* bytes = to + pixel * pixel_pitch;
    if (channels == block_channels) {
      __builtin_memcpy(bytes, &symbols, block_channels);
    } else {
      __builtin_memcpy(bytes, &symbols, channels);
    }
  }
};

/// The same as planes.
struct PlaneSink {
  PlaneBits* planes;
  int count;
  int block;  // of the tile
  std::uint32_t lanes;

  void put(int pixel, Bytes symbols) const {
    for (int plane = 0; plane < count; ++plane) {
      planes[plane].of[block][pixel] =
          static_cast<std::uint16_t>(bytes_with_bit(symbols, plane) & lanes);
    }
  }
};

/// The usual numbers of thresholds are constants, and the thresholds then registers.
template <int N, typename Sink>
[[gnu::noinline]] void find_symbols(const SymbolBlock block, int pixels,
                                    const float (*sums)[block_channels], const Sink sink) {
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
    sink.put(p, symbols_at<N>(block, table, positions));
  }
}

template <typename Sink>
void find_symbols(const SymbolBlock& block, int pixels, const float (*sums)[block_channels],
                  const Sink& sink) {
  switch (block.threshold_count) {
    case 1:
      return find_symbols<1>(block, pixels, sums, sink);
    case 3:
      return find_symbols<3>(block, pixels, sums, sink);
    case 7:
      return find_symbols<7>(block, pixels, sums, sink);
    case 15:
      return find_symbols<15>(block, pixels, sums, sink);
    default:
      return find_symbols<any_number>(block, pixels, sums, sink);
  }
}

/// Planes of symbols of K bits where K is 1 or 2, without the symbols: along the thresholds, each
/// bit flips at some of them.
template <int K>
[[gnu::noinline]] void find_flips(const SymbolBlock block, int pixels,
                                  const float (*sums)[block_channels], const PlaneSink sink) {
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
      flips[t] = static_cast<std::uint16_t>(block.flips[plane * (count + 1) + t] & sink.lanes);
    }
    std::uint16_t* bits = sink.planes[plane].of[sink.block];
    for (int p = 0; p < pixels; ++p) {
      std::uint16_t bit = flips[0];
      LQNET_UNROLL
      for (int t = 0; t < count; ++t) bit ^= above[t][p] & flips[t + 1];
      bits[p] = bit;
    }
  }
}

void find_planes(const SymbolBlock& block, int pixels, const float (*sums)[block_channels],
                 const PlaneSink& sink) {
  if (block.threshold_count == 1 && sink.count == 1) {
    find_flips<1>(block, pixels, sums, sink);
  } else if (block.threshold_count == 3 && sink.count == 2) {
    find_flips<2>(block, pixels, sums, sink);
  } else {
    find_symbols(block, pixels, sums, sink);
  }
}

/// A symbol result of a tile: `blocks` blocks from `block` on, `pixels` pixels from `pixel` on.
void store_symbols(const BitconvJob& job, const SymbolResult& result, std::int64_t block,
                   int blocks, std::int64_t pixel, int pixels, const RunSums* sums) {
  auto* to = static_cast<std::uint8_t*>(result.to) + pixel * result.pixel_pitch;
  if (result.planes == 0) {
    for (int b = 0; b < blocks; ++b) {
      const SymbolBlock own = block_of(result, job, block + b);
      find_symbols(own, pixels, sums[b].of,
                   ByteSink{to + (block + b) * block_channels, result.pixel_pitch, own.channels});
    }
    return;
  }
  PlaneBits planes[most_planes];
  for (int b = 0; b < blocks; ++b) {
    const SymbolBlock own = block_of(result, job, block + b);
    find_planes(own, pixels, sums[b].of, PlaneSink{planes, result.planes, b, own.lanes()});
  }
  for (int plane = 0; plane < result.planes; ++plane) {
    planes[plane].complete(blocks, pixels);
    planes[plane].store(to + plane * result.plane_pitch * 4 + block * block_channels / 8,
                        result.pixel_pitch, pixels);
  }
}

}  // namespace

}  // namespace lq::kernels::LQNET_ISA
