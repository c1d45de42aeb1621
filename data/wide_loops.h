// Loops over pixels that use what the processor has. Internal to data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Where the processor has AVX2, functions with this mark run on wider vectors than every x86-64
// has. They compute the same: without fused operations, products and sums are rounded one by one in
// both. The choice is made before sanitizers are ready, so they get the plain version.
#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define LQNET_WIDE_LOOPS __attribute__((target_clones("default", "avx2")))
#else
#define LQNET_WIDE_LOOPS
#endif
// For what such functions call: it would be compiled for every x86-64 where it is not inlined.
#define LQNET_WIDE_INLINE inline __attribute__((always_inline))

namespace lq {

/// The channels of a pixel, and one lane more.
using PixelLanes = float __attribute__((vector_size(16)));

LQNET_WIDE_INLINE void store_lanes(PixelLanes lanes, float* to) {
  std::memcpy(to, &lanes, sizeof(lanes));
}

/// Cuts the fraction off and clips; of values that an int holds. (Clipped before they are integers,
/// they would be compared by masks.)
LQNET_WIDE_INLINE std::uint8_t clipped(float value) {
  return static_cast<std::uint8_t>(std::min(std::max(static_cast<int>(value), 0), 255));
}

/// Rounds and clips. Whole arrays at a time: pixel by pixel, conversion to bytes takes longer than
/// what leads up to it.
LQNET_WIDE_INLINE void round_to_bytes(const float* values, std::size_t size, std::uint8_t* to) {
  for (std::size_t i = 0; i < size; ++i) to[i] = clipped(values[i] + 0.5F);
}

}  // namespace lq
