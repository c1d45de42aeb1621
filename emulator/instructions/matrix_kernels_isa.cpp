#include "emulator/instructions/matrix_kernels.h"

#include "emulator/instructions/integers.h"
#include "emulator/instructions/narrow_floats.h"

namespace lq::emulator::LQNET_ISA {
namespace {

using namespace integers;

constexpr int most_depth = 64;
constexpr int most_words = 8;

float as_float(u32 bits) { return __builtin_bit_cast(float, bits); }
u32 bits_of_float(float value) { return __builtin_bit_cast(u32, value); }

/// A format with 5 bits of exponent, in the upper bits of `a`. Multiplication by a power of two
/// moves its exponents, subnormal ones included, to where those of f32 are.
float f16_value(u32 a) {
  const u32 magnitude = (a & 0x7FFF) << 13;
  const u32 not_finite = (a & 0x7C00) == 0x7C00 ? 0x7F800000 : 0;
  const u32 sign = (a & 0x8000) << 16;
  return as_float(bits_of_float(as_float(magnitude) * 0x1p112F) | not_finite | sign);
}
float bf16_value(u32 a) { return as_float(a << 16); }
float e5m2_value(u32 a) { return f16_value(a << 8); }
/// 4 bits of exponent; there are no infinities and one magnitude that is no number.
float e4m3_value(u32 a) {
  const u32 magnitude = (a & 0x7F) << 20;
  const u32 not_a_number = (a & 0x7F) == 0x7F ? 0x7FC00000 : 0;
  const u32 sign = (a & 0x80) << 24;
  return as_float(bits_of_float(as_float(magnitude) * 0x1p120F) | not_a_number | sign);
}

template <typename Stored, float (*value)(u32)>
void widen_floats(const u32* words, int count, double* to) {
  const auto* const from = reinterpret_cast<const Stored*>(words);
  const int elements = count * static_cast<int>(sizeof(u32) / sizeof(Stored));
  for (int i = 0; i < elements; ++i) to[i] = static_cast<double>(value(from[i]));
}
float tf32_value(u32 a) { return as_float(a & ~0x1FFFU); }

void widen_f64(const u32* words, int count, double* to) {
  const auto* const from = reinterpret_cast<const double*>(words);
  for (int i = 0; i < count / 2; ++i) to[i] = from[i];
}

template <typename Stored>
void widen_bytes(const u32* words, int count, s32* to) {
  const auto* const from = reinterpret_cast<const Stored*>(words);
  for (int i = 0; i < 4 * count; ++i) to[i] = from[i];
}
template <bool is_signed>
void widen_nibbles(const u32* words, int count, s32* to) {
  const auto* const from = reinterpret_cast<const u8*>(words);
  for (int i = 0; i < 4 * count; ++i) {
    const s32 low = from[i] & 15;
    const s32 high = from[i] >> 4;
    to[2 * i] = is_signed ? (low ^ 8) - 8 : low;
    to[2 * i + 1] = is_signed ? (high ^ 8) - 8 : high;
  }
}

template <typename Number>
Number multiply_add(Number a, Number b, Number sum) {
  return sum + a * b;
}
double fused_multiply_add(double a, double b, double sum) { return __builtin_fma(a, b, sum); }

template <typename Number, Number (*combine)(Number, Number, Number)>
void multiply(const Number* a, const Number* b, Number* sums, int rows, int depth) {
  // By depth, so that columns lie side by side.
  alignas(64) Number across[most_depth][tile_columns];
  for (int column = 0; column < tile_columns; ++column) {
    for (int i = 0; i < depth; ++i) across[i][column] = b[column * depth + i];
  }
  // As many rows at a time as there are sums that fit into vector registers.
  constexpr int at_once = 4;
  for (int row = 0; row < rows; row += at_once) {
    Number sum[at_once][tile_columns];
    for (int r = 0; r < at_once; ++r) {
      for (int c = 0; c < tile_columns; ++c) sum[r][c] = sums[(row + r) * tile_columns + c];
    }
    for (int i = 0; i < depth; ++i) {
      for (int r = 0; r < at_once; ++r) {
        const Number x = a[(row + r) * depth + i];
        for (int c = 0; c < tile_columns; ++c) sum[r][c] = combine(x, across[i][c], sum[r][c]);
      }
    }
    for (int r = 0; r < at_once; ++r) {
      for (int c = 0; c < tile_columns; ++c) sums[(row + r) * tile_columns + c] = sum[r][c];
    }
  }
}

template <bool is_exclusive>
void multiply_bits(const u32* a, const u32* b, s32* sums, int rows, int words) {
  alignas(64) u32 across[most_words][tile_columns];
  for (int column = 0; column < tile_columns; ++column) {
    for (int i = 0; i < words; ++i) across[i][column] = b[column * words + i];
  }
  for (int row = 0; row < rows; ++row) {
    // Counts of the bytes; eight words make at most 64.
    u32 of_bytes[tile_columns] = {};
    for (int i = 0; i < words; ++i) {
      const u32 x = a[row * words + i];
      for (int c = 0; c < tile_columns; ++c) {
        u32 bits = is_exclusive ? x ^ across[i][c] : x & across[i][c];
        bits -= bits >> 1 & 0x55555555;
        bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
        of_bytes[c] += (bits + (bits >> 4)) & 0x0F0F0F0F;
      }
    }
    for (int c = 0; c < tile_columns; ++c) {
      const u32 of_halves = (of_bytes[c] & 0x00FF00FF) + (of_bytes[c] >> 8 & 0x00FF00FF);
      sums[row * tile_columns + c] += static_cast<s32>((of_halves + (of_halves >> 16)) & 0xFFFF);
    }
  }
}

void round_to_f16(const double* from, int count, u16* to) {
  for (int i = 0; i < count; ++i) to[i] = round_to_16<10, 15>(from[i]);
}

}  // namespace

extern const MatrixKernels matrix_kernels = {
    widen_floats<u16, f16_value>,
    widen_floats<u16, bf16_value>,
    widen_floats<u32, tf32_value>,
    widen_floats<u8, e4m3_value>,
    widen_floats<u8, e5m2_value>,
    widen_f64,
    widen_bytes<s8>,
    widen_bytes<u8>,
    widen_nibbles<true>,
    widen_nibbles<false>,
    multiply<double, multiply_add<double>>,
    multiply<double, fused_multiply_add>,
    multiply<s32, multiply_add<s32>>,
    multiply_bits<false>,
    multiply_bits<true>,
    round_to_f16,
};

}  // namespace lq::emulator::LQNET_ISA
