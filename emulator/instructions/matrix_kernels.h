// Arithmetic of matrix instructions, compiled once per instruction set: see
// kernels/common/isa_variants.h for the rules of such files.
#pragma once

#include <cstdint>

namespace lq::emulator {

/// Products have this many columns at a time.
constexpr int tile_columns = 8;

/// Elements of consecutive words as numbers, lowest bits first.
template <typename Number>
using Widen = void (*)(const std::uint32_t* words, int count, Number* to);

/// sums[row][column] += the sum over depth of a[row][i] * b[column][i], in order of i; `rows` is a
/// multiple of 8, there are tile_columns columns, and the depth is at most 64. Sums are rounded as
/// Number is: doubles hold every product of two narrower floats exactly.
template <typename Number>
using Multiply = void (*)(const Number* a, const Number* b, Number* sums, int rows, int depth);

struct MatrixKernels {
  Widen<double> widen_f16;
  Widen<double> widen_bf16;
  Widen<double> widen_tf32;  // the 13 lowest bits do not count
  Widen<double> widen_e4m3;
  Widen<double> widen_e5m2;
  Widen<double> widen_f64;
  Widen<std::int32_t> widen_s8;
  Widen<std::int32_t> widen_u8;
  Widen<std::int32_t> widen_s4;
  Widen<std::int32_t> widen_u4;
  Multiply<double> multiply_floats;
  Multiply<double> multiply_doubles;  // by fused multiply-adds
  Multiply<std::int32_t> multiply_integers;
  /// Counts bits of words; the depth is in words, at most 8.
  void (*multiply_and)(const std::uint32_t* a, const std::uint32_t* b, std::int32_t* sums, int rows,
                       int words);
  void (*multiply_xor)(const std::uint32_t* a, const std::uint32_t* b, std::int32_t* sums, int rows,
                       int words);
  /// To nearest, ties to even; no number becomes 0x7FFF.
  void (*round_to_f16)(const double* from, int count, std::uint16_t* to);
};

namespace portable {
extern const MatrixKernels matrix_kernels;
}
namespace avx2 {
extern const MatrixKernels matrix_kernels;
}
namespace avx512 {
extern const MatrixKernels matrix_kernels;
}

}  // namespace lq::emulator
