// What matrix instructions work on, as the decoder writes it down. Plain data.
#pragma once

#include <cstdint>
#include <variant>

namespace lq::emulator {

/// f32 and s32 are elements of accumulators only.
enum class MatrixElement : std::uint8_t {
  f16,
  bf16,
  tf32,
  e4m3,
  e5m2,
  f64,
  s8,
  u8,
  s4,
  u4,
  b1,
  f32,
  s32
};

constexpr int bits_of(MatrixElement element) {
  switch (element) {
    case MatrixElement::f16:
    case MatrixElement::bf16:
      return 16;
    case MatrixElement::f64:
      return 64;
    case MatrixElement::e4m3:
    case MatrixElement::e5m2:
    case MatrixElement::s8:
    case MatrixElement::u8:
      return 8;
    case MatrixElement::s4:
    case MatrixElement::u4:
      return 4;
    case MatrixElement::b1:
      return 1;
    default:
      return 32;
  }
}

/// d = a * b + c, where a is rows x depth and b is depth x columns.
struct MatrixProduct {
  int rows = 0;
  int columns = 0;
  int depth = 0;
  MatrixElement a{};
  MatrixElement b{};
  MatrixElement result{};  // element of d
  MatrixElement addend{};  // element of c
  int a_registers = 0;     // of the instruction; wmma may have more than hold the matrix
  int b_registers = 0;
  bool saturates = false;     // sums of integers, instead of wrapping around
  bool is_exclusive = false;  // of bits: xor instead of and
};

/// A matrix that wmma loads or stores. The outer dimension is that of rows of A and accumulators
/// and of columns of B; the inner one is the other.
struct MatrixTransfer {
  int outer = 0;
  int inner = 0;
  MatrixElement element{};
  int registers = 0;
  bool is_accumulator = false;
  bool inner_is_contiguous = false;
};

/// The part of a product of a warpgroup that one of its warps makes: 16 rows.
struct WarpgroupProduct {
  MatrixProduct product;
  bool a_in_registers = false;
  bool a_outer_is_contiguous = false;  // imm-trans-a
  bool b_outer_is_contiguous = false;
  bool negates = false;  // imm-scale-a * imm-scale-b is -1
};

using MatrixOperation = std::variant<MatrixProduct, MatrixTransfer, WarpgroupProduct>;

}  // namespace lq::emulator
