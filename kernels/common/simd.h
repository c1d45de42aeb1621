// SIMD vectors of the widest size of the instruction set that the including file is compiled for.
// Only for *_cpu_isa.cpp files: see isa_variants.h. Everything is in an anonymous namespace.
#pragma once

#include <cstdint>

namespace lq::kernels {
namespace {

#if defined(LQNET_ISA_IS_avx512) || defined(LQNET_ISA_IS_avx512_vpopcnt)
constexpr int simd_bytes = 64;
#elif defined(LQNET_ISA_IS_avx2)
constexpr int simd_bytes = 32;
#else
constexpr int simd_bytes = 16;
#endif
constexpr int simd_lanes = simd_bytes / 4;

using FloatVector = float __attribute__((vector_size(simd_bytes)));
using IntVector = std::int32_t __attribute__((vector_size(simd_bytes)));  // masks: 0 or -1

inline FloatVector load(const float* from) {
  FloatVector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}

inline void store(float* to, FloatVector vector) { __builtin_memcpy(to, &vector, sizeof vector); }

inline FloatVector broadcast(float value) { return FloatVector{} + value; }

inline double sum_of_lanes(FloatVector vector) {
  double sum = 0;
  for (int lane = 0; lane < simd_lanes; ++lane) sum += static_cast<double>(vector[lane]);
  return sum;
}

inline std::int64_t sum_of_lanes(IntVector vector) {
  std::int64_t sum = 0;
  for (int lane = 0; lane < simd_lanes; ++lane) sum += vector[lane];
  return sum;
}

}  // namespace
}  // namespace lq::kernels
