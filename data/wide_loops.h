// Loops over pixels that use what the processor has. Internal to data.
#pragma once

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

namespace lq {

/// The channels of a pixel, and one lane more.
using PixelLanes = float __attribute__((vector_size(16)));

inline PixelLanes load_lanes(const float* from) {
  PixelLanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

/// Clips the first three lanes and cuts their fractions off.
inline void store_pixel(PixelLanes value, std::uint8_t* to) {
  using IntLanes = std::int32_t __attribute__((vector_size(16)));
  using ByteLanes = std::uint8_t __attribute__((vector_size(4)));
  constexpr PixelLanes zero{}, most{255.0F, 255.0F, 255.0F, 255.0F};
  // Comparisons of lanes give masks, by which numbers are chosen.
  value = value > zero ? value : zero;
  value = value < most ? value : most;
  const ByteLanes bytes =
      __builtin_convertvector(__builtin_convertvector(value, IntLanes), ByteLanes);
  std::memcpy(to, &bytes, 3);
}

}  // namespace lq
