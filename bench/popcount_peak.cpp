#include "bench/popcount_peak.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>

#include "core/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lq::bench {

namespace {

constexpr int rounds = 200;
constexpr std::int64_t steps = 4000;

/// Keeps a value in a register and its computation in the program.
template <typename T>
void keep(T& value) {
  asm volatile("" : "+r"(value));
}

/// 64-bit words, counted one by one.
#if defined(__x86_64__)
[[gnu::target("popcnt")]]
#endif
std::int64_t
scalar_bits() {
  constexpr int lanes = 8;
  std::uint64_t sums[lanes] = {};
  std::uint64_t word = 0x0123456789abcdefULL;
  for (std::int64_t step = 0; step < steps; ++step) {
    keep(word);
#pragma GCC unroll 8
    for (int lane = 0; lane < lanes; ++lane) {
      sums[lane] +=
          static_cast<std::uint64_t>(std::popcount(word ^ static_cast<std::uint64_t>(lane)));
      keep(sums[lane]);
    }
  }
  return steps * lanes * 64;
}

#if defined(__x86_64__)

[[gnu::target("avx2")]] std::int64_t avx2_bits() {
  constexpr int lanes = 8;
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i sums[lanes] = {};
  __m256i word = _mm256_set1_epi32(0x01234567);
  for (std::int64_t step = 0; step < steps; ++step) {
    asm volatile("" : "+x"(word));
#pragma GCC unroll 8
    for (int lane = 0; lane < lanes; ++lane) {
      const __m256i x = _mm256_xor_si256(word, _mm256_set1_epi32(lane));
      const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
      const __m256i high =
          _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi32(x, 4), nibble));
      sums[lane] = _mm256_add_epi8(sums[lane], _mm256_add_epi8(low, high));
      asm volatile("" : "+x"(sums[lane]));
    }
  }
  return steps * lanes * 256;
}

[[gnu::target("avx512f,avx512vpopcntdq")]] std::int64_t avx512_bits() {
  constexpr int lanes = 12;
  __m512i sums[lanes] = {};
  __m512i word = _mm512_set1_epi32(0x01234567);
  for (std::int64_t step = 0; step < steps; ++step) {
    asm volatile("" : "+v"(word));
#pragma GCC unroll 12
    for (int lane = 0; lane < lanes; ++lane) {
      const __m512i other = _mm512_set1_epi32(lane);
      sums[lane] = _mm512_add_epi32(sums[lane], _mm512_popcnt_epi32(_mm512_xor_si512(word, other)));
      asm volatile("" : "+v"(sums[lane]));
    }
  }
  return steps * lanes * 512;
}

#endif

using CountBits = std::int64_t();

CountBits* loop_of(Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::avx512_vpopcnt) return avx512_bits;
  if (isa >= Isa::avx2) return avx2_bits;
#endif
  static_cast<void>(isa);
  return scalar_bits;
}

}  // namespace

double popcount_peak() {
  CountBits* loop = loop_of(active_isa());
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t bits = loop();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(bits) / elapsed.count());
  }
  return best;
}

double percent_of_peak(double bit_macs, double us, double peak, int threads) {
  return 100.0 * bit_macs / (us * 1e-6) / (peak * threads);
}

}  // namespace lq::bench
