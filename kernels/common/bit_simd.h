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

/// 16 bytes, on every instruction set.
using Bytes = std::uint8_t __attribute__((vector_size(16)));

inline IntVector load_words(const std::uint32_t* from) {
  IntVector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}

inline IntVector load_ints(const std::int32_t* from) {
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
// The same for each half of a word, up to 16 bits: halves_popcount_add(), halves_popcount_flush().

#if defined(LQNET_ISA_IS_avx512_vpopcnt)

constexpr bool popcount_is_direct = true;
constexpr std::int64_t popcount_capacity = INT64_MAX;

inline IntVector popcount_add(IntVector sum, IntVector x) {
  return sum + (IntVector)_mm512_popcnt_epi32((__m512i)x);
}
inline IntVector popcount_flush(IntVector sum) { return sum; }

inline IntVector halves_popcount_add(IntVector sum, IntVector x) {
  return (IntVector)_mm512_add_epi16((__m512i)sum, _mm512_popcnt_epi16((__m512i)x));
}
inline IntVector halves_popcount_flush(IntVector sum) { return sum; }

/// sum + the products of 4 unsigned bytes with 4 signed ones, per word.
inline IntVector dot_bytes(IntVector sum, IntVector unsigned_bytes, IntVector signed_bytes) {
  return (IntVector)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)unsigned_bytes,
                                        (__m512i)signed_bytes);
}

/// Bit i tells whether a[i] < b[i].
inline unsigned lanes_less(IntVector a, IntVector b) {
  return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b);
}

inline unsigned lanes_greater(FloatVector a, FloatVector b) {
  return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ);
}

/// Bit i tells lane i of a mask.
inline unsigned lanes_of(IntVector mask) { return _mm512_movepi32_mask((__m512i)mask); }

/// One truth value for each lane.
using LaneMask = __mmask16;

/// Bit `first` of 16 bits is for lane 0, and so on.
inline LaneMask lane_mask(std::uint16_t bits, int /*first*/) { return bits; }

inline FloatVector select(LaneMask mask, FloatVector yes, FloatVector no) {
  return (FloatVector)_mm512_mask_blend_ps(mask, (__m512)no, (__m512)yes);
}

inline FloatVector negated_where(LaneMask mask, FloatVector x) {
  return (FloatVector)_mm512_mask_xor_epi32((__m512i)x, mask, (__m512i)x,
                                            _mm512_set1_epi32(INT32_MIN));
}

/// table[indices[i]], indices below 16.
inline Bytes look_up(Bytes table, Bytes indices) {
  return (Bytes)_mm_shuffle_epi8((__m128i)table, (__m128i)indices);
}

/// Bit i tells bit `bit` of byte i.
inline unsigned bytes_with_bit(Bytes bytes, int bit) {
  return _mm_test_epi8_mask((__m128i)bytes, _mm_set1_epi8(static_cast<char>(1 << bit)));
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
inline IntVector halves_popcount_flush(IntVector bytes) {
  return (IntVector)_mm256_maddubs_epi16((__m256i)bytes, _mm256_set1_epi8(1));
}
inline IntVector popcount_flush(IntVector bytes) {
  return (IntVector)_mm256_madd_epi16((__m256i)halves_popcount_flush(bytes), _mm256_set1_epi16(1));
}

/// sum + the products of 4 unsigned bytes, at most 127, with 4 signed ones, per word. The bound
/// keeps pairs of products within 16 bits.
inline IntVector dot_bytes(IntVector sum, IntVector unsigned_bytes, IntVector signed_bytes) {
  const __m256i pairs = _mm256_maddubs_epi16((__m256i)unsigned_bytes, (__m256i)signed_bytes);
  return sum + (IntVector)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

/// Bit i tells lane i of a mask.
inline unsigned lanes_of(IntVector mask) {
  return static_cast<unsigned>(_mm256_movemask_ps((__m256)mask));
}

/// table[indices[i]], indices below 16.
inline Bytes look_up(Bytes table, Bytes indices) {
  return (Bytes)_mm_shuffle_epi8((__m128i)table, (__m128i)indices);
}

/// Bit i tells bit `bit` of byte i.
inline unsigned bytes_with_bit(Bytes bytes, int bit) {
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_slli_epi16((__m128i)bytes, 7 - bit)));
}

#elif defined(LQNET_ISA_IS_neon)

inline IntVector popcount_add(IntVector bytes, IntVector x) {
  return (IntVector)vaddq_u8((uint8x16_t)bytes, vcntq_u8((uint8x16_t)x));
}
inline IntVector halves_popcount_flush(IntVector bytes) {
  return (IntVector)vpaddlq_u8((uint8x16_t)bytes);
}
inline IntVector popcount_flush(IntVector bytes) {
  return (IntVector)vpaddlq_u16((uint16x8_t)halves_popcount_flush(bytes));
}

inline IntVector dot_bytes(IntVector sum, IntVector unsigned_bytes, IntVector signed_bytes) {
  // Activations are at most 127, so that they are signed bytes as well.
  const int8x16_t a = (int8x16_t)unsigned_bytes;
  const int8x16_t b = (int8x16_t)signed_bytes;
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
  const int16x8_t high = vmull_high_s8(a, b);
  return sum + (IntVector)vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
}

/// Bit i tells lane i of a mask.
inline unsigned lanes_of(IntVector mask) {
  const uint32x4_t places = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32((uint32x4_t)mask, places));
}

/// table[indices[i]], indices below 16.
inline Bytes look_up(Bytes table, Bytes indices) {
  return (Bytes)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)indices);
}

/// Bit i tells bit `bit` of byte i.
inline unsigned bytes_with_bit(Bytes bytes, int bit) {
  const uint8x16_t bits = vtstq_u8((uint8x16_t)bytes, vdupq_n_u8(static_cast<uint8_t>(1 << bit)));
  const uint8x16_t places = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t placed = vandq_u8(bits, places);
  return vaddv_u8(vget_low_u8(placed)) | unsigned{vaddv_u8(vget_high_u8(placed))} << 8;
}

#else

using WordVector = std::uint32_t __attribute__((vector_size(simd_bytes)));

inline IntVector popcount_add(IntVector bytes, IntVector bits) {
  WordVector x = (WordVector)bits;
  x -= (x >> 1) & 0x55555555U;
  x = (x & 0x33333333U) + ((x >> 2) & 0x33333333U);
  return (IntVector)((WordVector)bytes + ((x + (x >> 4)) & 0x0f0f0f0fU));
}
inline IntVector halves_popcount_flush(IntVector bytes) {
  const WordVector x = (WordVector)bytes;
  return (IntVector)((x & 0x00ff00ffU) + ((x >> 8) & 0x00ff00ffU));
}
inline IntVector popcount_flush(IntVector bytes) {
  const WordVector halves = (WordVector)halves_popcount_flush(bytes);
  return (IntVector)((halves & 0xffffU) + (halves >> 16));
}

inline IntVector dot_bytes(IntVector sum, IntVector unsigned_bytes, IntVector signed_bytes) {
  for (int byte = 0; byte < 4; ++byte) {
    const IntVector weight = (signed_bytes << (24 - 8 * byte)) >> 24;
    sum += ((unsigned_bytes >> (8 * byte)) & 0xff) * weight;
  }
  return sum;
}

/// Bit i tells lane i of a mask.
inline unsigned lanes_of(IntVector mask) {
  unsigned lanes = 0;
  for (int lane = 0; lane < simd_lanes; ++lane) {
    lanes |= (static_cast<unsigned>(mask[lane]) & 1U) << lane;
  }
  return lanes;
}

/// table[indices[i]], indices below 16.
inline Bytes look_up(Bytes table, Bytes indices) {
  Bytes found;
  for (unsigned i = 0; i < sizeof found; ++i) found[i] = table[indices[i]];
  return found;
}

/// Bit i tells bit `bit` of byte i.
inline unsigned bytes_with_bit(Bytes bytes, int bit) {
  unsigned bits = 0;
  for (unsigned i = 0; i < sizeof bytes; ++i) bits |= ((bytes[i] >> bit) & 1U) << i;
  return bits;
}

#endif

/// Bit i tells whether a[i] < b[i].
inline unsigned lanes_less(IntVector a, IntVector b) { return lanes_of(a < b); }
/// Bit i tells whether a[i] > b[i].
inline unsigned lanes_greater(FloatVector a, FloatVector b) { return lanes_of((IntVector)(a > b)); }

inline IntVector halves_popcount_add(IntVector bytes, IntVector x) {
  return popcount_add(bytes, x);
}

/// One truth value for each lane: its highest bit.
using LaneMask = IntVector;

#if defined(LQNET_ISA_IS_avx2)

/// Bit `first` of 16 bits is for lane 0, and so on.
inline LaneMask lane_mask(std::uint16_t bits, int first) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i to_highest = _mm256_sub_epi32(_mm256_set1_epi32(31 - first), lanes);
  // The upper halves of words are shifted out.
  return (IntVector)_mm256_sllv_epi32(_mm256_set1_epi16(static_cast<short>(bits)), to_highest);
}

inline FloatVector select(LaneMask mask, FloatVector yes, FloatVector no) {
  return (FloatVector)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
}

#else

/// Bit `first` of 16 bits is for lane 0, and so on.
inline LaneMask lane_mask(std::uint16_t bits, int first) {
  IntVector places;
  for (int lane = 0; lane < simd_lanes; ++lane) places[lane] = 1 << (first + lane);
  return ((IntVector{} + bits) & places) != 0;
}

inline FloatVector select(LaneMask mask, FloatVector yes, FloatVector no) {
  return mask ? yes : no;
}

#endif

inline FloatVector negated_where(LaneMask mask, FloatVector x) {
  return (FloatVector)((IntVector)x ^ (mask & INT32_MIN));
}

#endif

}  // namespace
}  // namespace lq::kernels
