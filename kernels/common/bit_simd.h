// Vector operations on bits and bytes, for each instruction set of LQNET_BIT_ISAS.
// Only for *_cpu_bit_isa.cpp files: see isa_variants.h. Everything is in an anonymous namespace.
#pragma once

#include "kernels/common/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace lq::kernels {
namespace {

inline IntVector load_words(const std::uint32_t* from) {
  IntVector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}

inline IntVector broadcast_word(const std::uint32_t* from) {
  std::int32_t word;
  __builtin_memcpy(&word, from, sizeof word);
  return IntVector{} + word;
}

inline FloatVector to_floats(IntVector vector) {
  return __builtin_convertvector(vector, FloatVector);
}

// Population counts are collected per lane, in a form that the instruction set adds up fastest:
// whole words, or bytes that must be flushed into words before they overflow.
//   popcount_add(bytes, x)  adds the bits of x; at most popcount_capacity times before a flush
//   popcount_flush(bytes)   the sums as words

#if defined(LQNET_ISA_IS_avx512_vpopcnt)

constexpr bool popcount_is_direct = true;
constexpr std::int64_t popcount_capacity = INT64_MAX;

inline IntVector popcount_add(IntVector sum, IntVector x) {
  return sum + (IntVector)_mm512_popcnt_epi32((__m512i)x);
}
inline IntVector popcount_flush(IntVector sum) { return sum; }

/// sum + the products of 4 unsigned bytes with 4 signed ones, per word.
inline IntVector dot_bytes(IntVector sum, IntVector unsigned_bytes, IntVector signed_bytes) {
  return (IntVector)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)unsigned_bytes,
                                        (__m512i)signed_bytes);
}

/// Bit i tells whether a[i] < b[i].
inline unsigned lanes_less(IntVector a, IntVector b) {
  return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b);
}

/// Bit i tells bit `bit` of lane i.
inline unsigned lanes_with_bit(IntVector vector, int bit) {
  return _mm512_test_epi32_mask((__m512i)vector, _mm512_set1_epi32(1 << bit));
}

#else

constexpr bool popcount_is_direct = false;
constexpr std::int64_t popcount_capacity = 31;  // of 8 bits each, in a byte

#if defined(LQNET_ISA_IS_avx2)

inline IntVector popcount_add(IntVector bytes, IntVector x) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i low = _mm256_and_si256((__m256i)x, nibble);
  const __m256i high = _mm256_and_si256(_mm256_srli_epi32((__m256i)x, 4), nibble);
  return (IntVector)_mm256_add_epi8(
      (__m256i)bytes,
      _mm256_add_epi8(_mm256_shuffle_epi8(table, low), _mm256_shuffle_epi8(table, high)));
}
inline IntVector popcount_flush(IntVector bytes) {
  const __m256i pairs = _mm256_maddubs_epi16((__m256i)bytes, _mm256_set1_epi8(1));
  return (IntVector)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

/// sum + the products of 4 unsigned bytes, at most 127, with 4 signed ones, per word. The bound
/// keeps pairs of products within 16 bits.
inline IntVector dot_bytes(IntVector sum, IntVector unsigned_bytes, IntVector signed_bytes) {
  const __m256i pairs = _mm256_maddubs_epi16((__m256i)unsigned_bytes, (__m256i)signed_bytes);
  return sum + (IntVector)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

/// Bit i tells bit `bit` of lane i.
inline unsigned lanes_with_bit(IntVector vector, int bit) {
  return static_cast<unsigned>(
      _mm256_movemask_ps((__m256)_mm256_slli_epi32((__m256i)vector, 31 - bit)));
}

#elif defined(LQNET_ISA_IS_neon)

inline IntVector popcount_add(IntVector bytes, IntVector x) {
  return (IntVector)vaddq_u8((uint8x16_t)bytes, vcntq_u8((uint8x16_t)x));
}
inline IntVector popcount_flush(IntVector bytes) {
  return (IntVector)vpaddlq_u16(vpaddlq_u8((uint8x16_t)bytes));
}

inline IntVector dot_bytes(IntVector sum, IntVector unsigned_bytes, IntVector signed_bytes) {
  // Activations are at most 127, so that they are signed bytes as well.
  const int8x16_t a = (int8x16_t)unsigned_bytes;
  const int8x16_t b = (int8x16_t)signed_bytes;
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
  const int16x8_t high = vmull_high_s8(a, b);
  return sum + (IntVector)vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
}

inline unsigned lanes_with_bit(IntVector vector, int bit) {
  const uint32x4_t bits = vshrq_n_u32(vshlq_u32((uint32x4_t)vector, vdupq_n_s32(31 - bit)), 31);
  const int32x4_t places = {0, 1, 2, 3};
  return vaddvq_u32(vshlq_u32(bits, places));
}

#else

using WordVector = std::uint32_t __attribute__((vector_size(simd_bytes)));

inline IntVector popcount_add(IntVector bytes, IntVector bits) {
  WordVector x = (WordVector)bits;
  x -= (x >> 1) & 0x55555555U;
  x = (x & 0x33333333U) + ((x >> 2) & 0x33333333U);
  return (IntVector)((WordVector)bytes + ((x + (x >> 4)) & 0x0f0f0f0fU));
}
inline IntVector popcount_flush(IntVector bytes) {
  const WordVector x = (WordVector)bytes;
  const WordVector pairs = (x & 0x00ff00ffU) + ((x >> 8) & 0x00ff00ffU);
  return (IntVector)((pairs & 0xffffU) + (pairs >> 16));
}

inline IntVector dot_bytes(IntVector sum, IntVector unsigned_bytes, IntVector signed_bytes) {
  for (int byte = 0; byte < 4; ++byte) {
    const IntVector weight = (signed_bytes << (24 - 8 * byte)) >> 24;
    sum += ((unsigned_bytes >> (8 * byte)) & 0xff) * weight;
  }
  return sum;
}

inline unsigned lanes_with_bit(IntVector vector, int bit) {
  unsigned lanes = 0;
  for (int lane = 0; lane < simd_lanes; ++lane) {
    lanes |= ((static_cast<unsigned>(vector[lane]) >> bit) & 1U) << lane;
  }
  return lanes;
}

#endif

/// Bit i tells whether a[i] < b[i].
inline unsigned lanes_less(IntVector a, IntVector b) { return lanes_with_bit(a < b, 31); }

#endif

}  // namespace
}  // namespace lq::kernels
