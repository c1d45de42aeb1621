// Integers beyond one instruction: 128 bits, bytes and halves in a register, funnel shifts, dot
// products and the three-operand functions of dynamic programming, each against a plain loop.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>

#include "check.h"

using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;
using u128 = unsigned __int128;
using s128 = __int128;

constexpr int count = 256;

std::mt19937 generator(41);

/// Any words, many of them at the edges.
std::vector<u32> random_words(std::size_t size) {
  static constexpr u32 edges[] = {0,          1,          0x7F,       0x80,       0xFF,
                                  0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x80008000, 0x7F7F7F7F};
  std::vector<u32> words(size);
  for (u32& word : words) {
    word = generator();
    if (generator() % 3 == 0) word = edges[generator() % std::size(edges)];
    if (generator() % 4 == 0) word >>= generator() % 32;
  }
  return words;
}

constexpr int wide_results = 12;
__host__ __device__ void calculate_wide(u128 a, u128 b, int shift, u128* out) {
  out[0] = a + b;
  out[1] = a - b;
  out[2] = a * b;
  out[3] = a / (b | 1);
  out[4] = a % (b | 1);
  out[5] = static_cast<u128>(static_cast<s128>(a) / static_cast<s128>(b | 1));
  out[6] = static_cast<u128>(static_cast<s128>(a) % static_cast<s128>(b | 1));
  out[7] = a << shift;
  out[8] = a >> shift;
  out[9] = static_cast<u128>(static_cast<s128>(a) >> shift);
  out[10] = (a < b ? 1 : 0) + (static_cast<s128>(a) < static_cast<s128>(b) ? 2 : 0);
  out[11] = -a ^ (a & b);
}

__global__ void wide_kernel(const u32* words, u128* out) {
  const int i = threadIdx.x;
  u128 operands[2] = {};
  for (int k = 0; k < 8; ++k) operands[k / 4] |= u128{words[9 * i + k]} << (32 * (k % 4));
  calculate_wide(operands[0], operands[1], words[9 * i + 8] % 128, out + wide_results * i);
}

void test_wide() {
  const auto words = random_words(9 * count);
  Buffer<u32> device_words(words);
  Buffer<u128> out(wide_results * count);
  wide_kernel<<<1, count>>>(device_words.get(), out.get());
  const auto result = out.download();
  for (int i = 0; i < count; ++i) {
    u128 operands[2] = {};
    for (int k = 0; k < 8; ++k) operands[k / 4] |= u128{words[9 * i + k]} << (32 * (k % 4));
    u128 expected[wide_results];
    calculate_wide(operands[0], operands[1], words[9 * i + 8] % 128, expected);
    for (int k = 0; k < wide_results; ++k) {
      if (result[wide_results * i + k] == expected[k]) continue;
      std::printf("function %d of case %d\n", k, i);
      expect(false, "128 bits");
    }
  }
}

constexpr int simd_results = 30;
__global__ void simd_kernel(const u32* a, const u32* b, u32* out) {
  const u32 x = a[threadIdx.x], y = b[threadIdx.x];
  u32* to = out + simd_results * threadIdx.x;
  *to++ = __vadd4(x, y);
  *to++ = __vadd2(x, y);
  *to++ = __vsub4(x, y);
  *to++ = __vaddss4(x, y);
  *to++ = __vaddus2(x, y);
  *to++ = __vsubus4(x, y);
  *to++ = __vsubss2(x, y);
  *to++ = __vavgu4(x, y);
  *to++ = __vavgs2(x, y);
  *to++ = __vhaddu4(x, y);
  *to++ = __vabsdiffu4(x, y);
  *to++ = __vabsdiffs2(x, y);
  *to++ = __vsadu4(x, y);
  *to++ = __vsads2(x, y);
  *to++ = __vmaxu4(x, y);
  *to++ = __vmins4(x, y);
  *to++ = __vmaxs2(x, y);
  *to++ = __vminu2(x, y);
  *to++ = __vcmpgtu4(x, y);
  *to++ = __vcmpges2(x, y);
  *to++ = __vcmpeq4(x, y);
  *to++ = __vsetles4(x, y);
  *to++ = __vsetltu2(x, y);
  *to++ = __vabs4(x);
  *to++ = __vabsss2(x);
  *to++ = __vneg4(x);
  *to++ = __vnegss2(x);
  *to++ = __vimax_s16x2_relu(x, y);
  *to++ = __viaddmax_u16x2(x, y, 0x00FF7000);
  *to++ = __vimin_s16x2_relu(x, y);
}

/// Applies the function to each part, which wraps around unless it is kept in range.
template <typename Function>
u32 parts(int bits, bool is_signed, bool saturates, u32 x, u32 y, Function&& function) {
  const int modulus = 1 << bits;
  const int low = is_signed ? -modulus / 2 : 0, high = low + modulus - 1;
  u32 result = 0;
  for (int shift = 0; shift < 32; shift += bits) {
    const auto part = [&](u32 word) {
      const int value = static_cast<int>(word >> shift) & (modulus - 1);
      return value > high ? value - modulus : value;
    };
    int value = function(part(x), part(y));
    if (saturates) value = std::clamp(value, low, high);
    result |= (static_cast<u32>(value) & static_cast<u32>(modulus - 1)) << shift;
  }
  return result;
}

void simd_on_host(u32 x, u32 y, u32* to) {
  const auto add = [](int a, int b) { return a + b; };
  const auto subtract = [](int a, int b) { return a - b; };
  const auto average = [](int a, int b) { return (a + b + 1) >> 1; };
  const auto average_signed = [](int a, int b) { return (a + b + (a + b >= 0 ? 1 : 0)) >> 1; };
  const auto difference = [](int a, int b) { return std::abs(a - b); };
  const auto largest = [](int a, int b) { return std::max(a, b); };
  const auto least = [](int a, int b) { return std::min(a, b); };
  const auto sum = [](int bits, u32 word) {
    u32 total = 0;
    for (int shift = 0; shift < 32; shift += bits) total += word >> shift & ((1U << bits) - 1);
    return total;
  };
  *to++ = parts(8, false, false, x, y, add);
  *to++ = parts(16, false, false, x, y, add);
  *to++ = parts(8, false, false, x, y, subtract);
  *to++ = parts(8, true, true, x, y, add);
  *to++ = parts(16, false, true, x, y, add);
  *to++ = parts(8, false, true, x, y, subtract);
  *to++ = parts(16, true, true, x, y, subtract);
  *to++ = parts(8, false, false, x, y, average);
  *to++ = parts(16, true, false, x, y, average_signed);
  *to++ = parts(8, false, false, x, y, [](int a, int b) { return (a + b) >> 1; });
  *to++ = parts(8, false, false, x, y, difference);
  *to++ = parts(16, true, false, x, y, difference);
  *to++ = sum(8, parts(8, false, false, x, y, difference));
  *to++ = sum(16, parts(16, true, false, x, y, difference));
  *to++ = parts(8, false, false, x, y, largest);
  *to++ = parts(8, true, false, x, y, least);
  *to++ = parts(16, true, false, x, y, largest);
  *to++ = parts(16, false, false, x, y, least);
  *to++ = parts(8, false, false, x, y, [](int a, int b) { return a > b ? -1 : 0; });
  *to++ = parts(16, true, false, x, y, [](int a, int b) { return a >= b ? -1 : 0; });
  *to++ = parts(8, true, false, x, y, [](int a, int b) { return a == b ? -1 : 0; });
  *to++ = parts(8, true, false, x, y, [](int a, int b) { return a <= b ? 1 : 0; });
  *to++ = parts(16, false, false, x, y, [](int a, int b) { return a < b ? 1 : 0; });
  *to++ = parts(8, true, false, x, y, [](int a, int) { return std::abs(a); });
  *to++ = parts(16, true, true, x, y, [](int a, int) { return std::abs(a); });
  *to++ = parts(8, true, false, x, y, [](int a, int) { return -a; });
  *to++ = parts(16, true, true, x, y, [](int a, int) { return -a; });
  *to++ = parts(16, true, false, x, y, [](int a, int b) { return std::max({a, b, 0}); });
  const u32 sums = parts(16, false, false, x, y, add);
  *to++ = parts(16, false, false, sums, 0x00FF7000, largest);
  *to++ = parts(16, true, false, x, y, [](int a, int b) { return std::max(std::min(a, b), 0); });
}

void test_simd() {
  const auto a = random_words(count), b = random_words(count);
  Buffer<u32> device_a(a), device_b(b), out(simd_results * count);
  simd_kernel<<<1, count>>>(device_a.get(), device_b.get(), out.get());
  const auto result = out.download();
  for (int i = 0; i < count; ++i) {
    u32 expected[simd_results];
    simd_on_host(a[i], b[i], expected);
    for (int k = 0; k < simd_results; ++k) {
      if (result[simd_results * i + k] == expected[k]) continue;
      std::printf("function %d of %08x, %08x: %08x, expected %08x\n", k, a[i], b[i],
                  result[simd_results * i + k], expected[k]);
      expect(false, "bytes and halves");
    }
  }
}

constexpr int word_results = 22;
__global__ void word_kernel(const u32* a, const u32* b, const u32* c, u32* out) {
  const u32 x = a[threadIdx.x], y = b[threadIdx.x], z = c[threadIdx.x];
  const auto i = static_cast<s32>(x), j = static_cast<s32>(y), k = static_cast<s32>(z);
  u32* to = out + word_results * threadIdx.x;
  *to++ = __dp4a(i, j, k);
  *to++ = __dp4a(x, y, z);
  *to++ = __dp2a_lo(i, j, k);
  *to++ = __dp2a_hi(x, y, z);
  *to++ = __byte_perm(x, y, z);
  *to++ = __funnelshift_l(x, y, z);
  *to++ = __funnelshift_lc(x, y, z);
  *to++ = __funnelshift_r(x, y, z);
  *to++ = __funnelshift_rc(x, y, z);
  *to++ = __usad(x, y, z);
  *to++ = __sad(i, j, z);
  *to++ = __hadd(i, j);
  *to++ = __urhadd(x, y);
  *to++ = __umulhi(x, y);
  *to++ = __mul24(i, j);
  *to++ = __fns(x, y % 32, k % 9);
  *to++ = __vimax3_s32(i, j, k);
  *to++ = __vimin_s32_relu(i, j);
  *to++ = __viaddmin_s32_relu(i, j, k);
  *to++ = __brev(x) ^ __popc(y) ^ __ffs(k) ^ __clz(i);
  *to++ = static_cast<u32>(static_cast<u64>(x) * y >> 20);
  *to++ = static_cast<u32>(__mulhi(i, j));
}

u32 nth_set_bit(u32 mask, int base, int offset) {
  if (offset == 0) return (mask >> base & 1) != 0 ? base : ~0U;
  int missing = std::abs(offset);
  for (int at = base; at >= 0 && at<32; at += offset> 0 ? 1 : -1) {
    if ((mask >> at & 1) != 0 && --missing == 0) return at;
  }
  return ~0U;
}

void words_on_host(u32 x, u32 y, u32 z, u32* to) {
  const auto i = static_cast<s32>(x), j = static_cast<s32>(y), k = static_cast<s32>(z);
  const auto byte = [](u32 word, int n) { return word >> (8 * n) & 0xFF; };
  const auto signed_byte = [&](u32 word, int n) { return static_cast<std::int8_t>(byte(word, n)); };
  u32 dot_signed = z, dot = z;
  for (int n = 0; n < 4; ++n) {
    dot_signed += static_cast<u32>(signed_byte(x, n) * signed_byte(y, n));
    dot += byte(x, n) * byte(y, n);
  }
  *to++ = dot_signed;
  *to++ = dot;
  *to++ = z + static_cast<u32>(static_cast<std::int16_t>(x) * signed_byte(y, 0)) +
          static_cast<u32>(static_cast<std::int16_t>(x >> 16) * signed_byte(y, 1));
  *to++ = z + (x & 0xFFFF) * byte(y, 2) + (x >> 16) * byte(y, 3);
  u32 permuted = 0;
  for (int n = 0; n < 4; ++n) {
    const int selector = z >> (4 * n) & 7;
    permuted |= byte(selector < 4 ? x : y, selector % 4) << (8 * n);
  }
  *to++ = permuted;
  const u64 both = u64{y} << 32 | x;
  *to++ = both << z % 32 >> 32;
  *to++ = z >= 32 ? x : static_cast<u32>(both << z >> 32);
  *to++ = both >> z % 32;
  *to++ = z >= 32 ? y : static_cast<u32>(both >> z);
  *to++ = z + std::max(x, y) - std::min(x, y);
  *to++ = z + static_cast<u32>(std::max(i, j)) - static_cast<u32>(std::min(i, j));
  *to++ = static_cast<u32>((std::int64_t{i} + j) >> 1);
  *to++ = static_cast<u32>((u64{x} + y + 1) >> 1);
  *to++ = static_cast<u32>(u64{x} * y >> 32);
  *to++ = static_cast<u32>(static_cast<u64>(std::int64_t{i << 8 >> 8} * (j << 8 >> 8)));
  *to++ = nth_set_bit(x, y % 32, k % 9);
  *to++ = static_cast<u32>(std::max({i, j, k}));
  *to++ = static_cast<u32>(std::max(std::min(i, j), 0));
  const auto sum = static_cast<s32>(x + y);
  *to++ = static_cast<u32>(std::max(std::min(sum, k), 0));
  u32 reversed = 0;
  for (int n = 0; n < 32; ++n) reversed |= (x >> n & 1) << (31 - n);
  *to++ = reversed ^ __builtin_popcount(y) ^ __builtin_ffs(k) ^ (x == 0 ? 32 : __builtin_clz(x));
  *to++ = static_cast<u32>(u64{x} * y >> 20);
  *to++ = static_cast<u32>(static_cast<u64>(std::int64_t{i} * j) >> 32);
}

void test_words() {
  const auto a = random_words(count), b = random_words(count), c = random_words(count);
  Buffer<u32> device_a(a), device_b(b), device_c(c), out(word_results * count);
  word_kernel<<<1, count>>>(device_a.get(), device_b.get(), device_c.get(), out.get());
  const auto result = out.download();
  for (int i = 0; i < count; ++i) {
    u32 expected[word_results];
    words_on_host(a[i], b[i], c[i], expected);
    for (int k = 0; k < word_results; ++k) {
      if (result[word_results * i + k] == expected[k]) continue;
      std::printf("function %d of %08x, %08x, %08x: %08x, expected %08x\n", k, a[i], b[i], c[i],
                  result[word_results * i + k], expected[k]);
      expect(false, "words");
    }
  }
}

int main() {
  test_wide();
  test_simd();
  test_words();
  return finish();
}
