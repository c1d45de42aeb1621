// What bitconv makes of the sums of a block: floats, and positions among thresholds as symbols.
// Only for bitconv_cpu_bit_isa.cpp: see common/isa_variants.h.
#pragma once

#include "kernels/bitconv/bitconv_multiply.h"

namespace lq::kernels::LQNET_ISA {

namespace {

using bitconv::BitconvJob;
using bitconv::FloatResult;
using bitconv::SymbolResult;

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

/// A block of a symbol result: pointers to its first channel.
struct SymbolBlock {
  const float* thresholds;
  std::int64_t threshold_pitch;
  int threshold_count;
  const std::uint32_t* signs;
  const std::int32_t* symbols;
  std::uint8_t* to;  // first pixel
  std::int64_t pixel_pitch;
  std::int64_t plane_pitch;  // bytes
  int planes;
  int channels;     // that exist
  bool ends_words;  // no other block writes the upper halves of its words
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
          .to = static_cast<std::uint8_t*>(result.to) + pixel * result.pixel_pitch + bytes,
          .pixel_pitch = result.pixel_pitch,
          .plane_pitch = result.plane_pitch * 4,
          .planes = result.planes,
          .channels = channels,
          .ends_words = block + 1 == job.blocks && block % 2 == 0};
}

/// Planes is the number of bit-planes where it is known, otherwise -1.
template <int Planes>
inline void store_planes(const SymbolBlock& block, std::uint8_t* to,
                         const IntVector (&symbols)[parts]) {
  const std::uint32_t exist = (1U << block.channels) - 1U;
  const int planes = Planes < 0 ? block.planes : Planes;
  for (int plane = 0; plane < planes; ++plane) {
    std::uint32_t lanes = 0;
    for (int part = 0; part < parts; ++part) {
      lanes |= lanes_with_bit(symbols[part], plane) << (part * simd_lanes);
    }
    lanes &= exist;
    if (block.ends_words) {
      __builtin_memcpy(to, &lanes, 4);
    } else {
      __builtin_memcpy(to, &lanes, 2);
    }
    to += block.plane_pitch;
  }
}

inline void store_bytes(const SymbolBlock& block, std::uint8_t* to,
                        const IntVector (&symbols)[parts]) {
  using Bytes = std::uint8_t __attribute__((vector_size(simd_lanes)));
  std::uint8_t bytes[block_channels];
  for (int part = 0; part < parts; ++part) {
    const Bytes narrow = __builtin_convertvector(symbols[part], Bytes);
    __builtin_memcpy(bytes + part * simd_lanes, &narrow, sizeof narrow);
  }
  if (block.channels == block_channels) {
    __builtin_memcpy(to, bytes, block_channels);
  } else {
    __builtin_memcpy(to, bytes, block.channels);
  }
}

/// The usual numbers of thresholds and planes are constants, and the thresholds then registers;
/// -1 stands for any number. Planes 0 are bytes.
template <int Thresholds, int Planes>
[[gnu::noinline]] void store_symbols(const SymbolBlock block, int pixels,
                                     const float (*sums)[block_channels]) {
  const int count = Thresholds < 0 ? block.threshold_count : Thresholds;
  constexpr int kept = Thresholds < 0 ? 1 : Thresholds;
  FloatVector thresholds[kept][parts];
  IntVector symbol_of[kept];
  IntVector signs[parts];
  for (int part = 0; part < parts; ++part) {
    signs[part] = load_words(block.signs + part * simd_lanes);
  }
  if constexpr (Thresholds > 0) {
    for (int t = 0; t < Thresholds; ++t) {
      symbol_of[t] = IntVector{} + block.symbols[t + 1];
      for (int part = 0; part < parts; ++part) {
        thresholds[t][part] =
            load(block.thresholds + t * block.threshold_pitch + part * simd_lanes);
      }
    }
  }
  const IntVector lowest = IntVector{} + block.symbols[0];
  for (int p = 0; p < pixels; ++p) {
    IntVector symbols[parts];
    for (int part = 0; part < parts; ++part) {
      const FloatVector value =
          (FloatVector)((IntVector)load(sums[p] + part * simd_lanes) ^ signs[part]);
      IntVector symbol = lowest;
      for (int t = 0; t < count; ++t) {
        if constexpr (Thresholds > 0) {
          symbol = value > thresholds[t][part] ? symbol_of[t] : symbol;
        } else {
          const FloatVector bound =
              load(block.thresholds + t * block.threshold_pitch + part * simd_lanes);
          symbol = value > bound ? IntVector{} + block.symbols[t + 1] : symbol;
        }
      }
      symbols[part] = symbol;
    }
    std::uint8_t* to = block.to + p * block.pixel_pitch;
    if constexpr (Planes == 0) {
      store_bytes(block, to, symbols);
    } else {
      store_planes<Planes>(block, to, symbols);
    }
  }
}

void store_symbols(const SymbolBlock& block, int pixels, const float (*sums)[block_channels]) {
  const int count = block.threshold_count;
  if (block.planes == 0) {
    if (count == 3) return store_symbols<3, 0>(block, pixels, sums);
    if (count == 7) return store_symbols<7, 0>(block, pixels, sums);
    return store_symbols<-1, 0>(block, pixels, sums);
  }
  if (count == 1 && block.planes == 1) return store_symbols<1, 1>(block, pixels, sums);
  if (count == 3 && block.planes == 2) return store_symbols<3, 2>(block, pixels, sums);
  if (count == 7 && block.planes == 3) return store_symbols<7, 3>(block, pixels, sums);
  return store_symbols<-1, -1>(block, pixels, sums);
}

}  // namespace

}  // namespace lq::kernels::LQNET_ISA
