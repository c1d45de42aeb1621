#include "emulator/instructions/matrix.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "emulator/instructions/integers.h"
#include "emulator/instructions/matrix_kernels.h"
#include "kernels/common/isa_variants.h"

namespace lq::emulator {
namespace {

using namespace integers;

constexpr int block = 64;  // elements of 8 x 8 accumulators
constexpr int most_sums = 16 * 256;
constexpr int most_numbers_of_a = 1024;
constexpr int most_depth = 64;
constexpr int most_words = 16 * 32;  // of an operand in registers: 16 x 16 of f64

const MatrixKernels& kernels() {
  static const MatrixKernels& chosen =
      kernels::choose_isa<MatrixKernels>(LQNET_VECTOR_ISAS(matrix_kernels));
  return chosen;
}

Widen<double> widen_of_floats(MatrixElement element) {
  switch (element) {
    case MatrixElement::f16:
      return kernels().widen_f16;
    case MatrixElement::bf16:
      return kernels().widen_bf16;
    case MatrixElement::tf32:
      return kernels().widen_tf32;
    case MatrixElement::e4m3:
      return kernels().widen_e4m3;
    case MatrixElement::e5m2:
      return kernels().widen_e5m2;
    default:
      return kernels().widen_f64;
  }
}

Widen<s32> widen_of_integers(MatrixElement element) {
  switch (element) {
    case MatrixElement::s8:
      return kernels().widen_s8;
    case MatrixElement::u8:
      return kernels().widen_u8;
    case MatrixElement::s4:
      return kernels().widen_s4;
    default:
      return kernels().widen_u4;
  }
}

/// Blocks of accumulators follow one another down the columns of blocks, in registers and in `sums`
/// alike. Lane and register (or half of it) of an element are its index in the block.
void load_sums(const Frame& frame, MatrixElement element, const Slot* slots, int blocks,
               double* sums) {
  for (int j = 0; j < blocks; ++j, sums += block) {
    if (element == MatrixElement::f16) {
      kernels().widen_f16(frame.lanes<u32>(slots[j]), warp_size, sums);
      continue;
    }
    for (int half = 0; half < 2; ++half) {
      const Slot slot = slots[2 * j + half];
      for (int lane = 0; lane < warp_size; ++lane) {
        sums[2 * lane + half] = element == MatrixElement::f64
                                    ? frame.lanes<double>(slot)[lane]
                                    : static_cast<double>(frame.lanes<float>(slot)[lane]);
      }
    }
  }
}

void store_sums(const Frame& frame, MatrixElement element, const Slot* slots, int blocks,
                const double* sums) {
  for (int j = 0; j < blocks; ++j, sums += block) {
    if (element == MatrixElement::f16) {
      kernels().round_to_f16(sums, block, frame.lanes<std::uint16_t>(slots[j]));
      continue;
    }
    for (int half = 0; half < 2; ++half) {
      const Slot slot = slots[2 * j + half];
      for (int lane = 0; lane < warp_size; ++lane) {
        const double sum = sums[2 * lane + half];
        if (element == MatrixElement::f64) {
          frame.lanes<double>(slot)[lane] = sum;
        } else {
          const u32 bits = std::bit_cast<u32>(static_cast<float>(sum));
          frame.lanes<u32>(slot)[lane] = sum == sum ? bits : 0x7FFFFFFF;
        }
      }
    }
  }
}

void multiply_floats(const Frame& frame, const MatrixProduct& product, const u32* a, const u32* b,
                     bool negates, const Slot* c, const Slot* d) {
  const int words_of_a = product.depth * bits_of(product.a) / 32;
  const int words_of_b = product.depth * bits_of(product.b) / 32;
  const int blocks = product.rows * product.columns / block;
  alignas(64) double numbers_of_a[most_numbers_of_a];
  widen_of_floats(product.a)(a, product.rows * words_of_a, numbers_of_a);
  if (negates) {
    std::transform(numbers_of_a, numbers_of_a + product.rows * product.depth, numbers_of_a,
                   std::negate<>());
  }
  alignas(64) double sums[most_sums];
  if (c != nullptr) {
    load_sums(frame, product.addend, c, blocks, sums);
  } else {
    std::fill_n(sums, block * blocks, 0.0);
  }
  const Widen<double> widen = widen_of_floats(product.b);
  const Multiply<double> multiply =
      product.a == MatrixElement::f64 ? kernels().multiply_doubles : kernels().multiply_floats;
  for (int column = 0; column < product.columns; column += tile_columns) {
    alignas(64) double numbers_of_b[tile_columns * most_depth];
    widen(b + column * words_of_b, tile_columns * words_of_b, numbers_of_b);
    multiply(numbers_of_a, numbers_of_b, sums + column * product.rows, product.rows, product.depth);
  }
  store_sums(frame, product.result, d, blocks, sums);
}

/// Sums of products without c, which do not overflow.
void sum_integers(const MatrixProduct& product, const u32* a, const u32* b, s32* sums) {
  const int words = product.depth * bits_of(product.a) / 32;
  if (product.a == MatrixElement::b1) {
    const auto multiply = product.is_exclusive ? kernels().multiply_xor : kernels().multiply_and;
    for (int column = 0; column < product.columns; column += tile_columns) {
      multiply(a, b + column * words, sums + column * product.rows, product.rows, words);
    }
    return;
  }
  alignas(64) s32 numbers_of_a[most_numbers_of_a];
  widen_of_integers(product.a)(a, product.rows * words, numbers_of_a);
  const Widen<s32> widen = widen_of_integers(product.b);
  for (int column = 0; column < product.columns; column += tile_columns) {
    alignas(64) s32 numbers_of_b[tile_columns * most_depth];
    widen(b + column * words, tile_columns * words, numbers_of_b);
    kernels().multiply_integers(numbers_of_a, numbers_of_b, sums + column * product.rows,
                                product.rows, product.depth);
  }
}

s32 add_saturated(s32 a, s32 b) {
  using Limits = std::numeric_limits<s32>;
  const std::int64_t sum = std::int64_t{a} + b;
  return static_cast<s32>(std::clamp<std::int64_t>(sum, Limits::min(), Limits::max()));
}

void multiply_integers(const Frame& frame, const MatrixProduct& product, const u32* a, const u32* b,
                       const Slot* c, const Slot* d) {
  const int blocks = product.rows * product.columns / block;
  alignas(64) s32 sums[most_sums];
  std::fill_n(sums, block * blocks, 0);
  sum_integers(product, a, b, sums);
  // All of c is read before any of d is written, since they may be the same registers.
  for (int r = 0; c != nullptr && r < 2 * blocks; ++r) {
    s32* const of_block = sums + r / 2 * block + r % 2;
    const s32* const from = frame.lanes<s32>(c[r]);
    for (int lane = 0; lane < warp_size; ++lane) {
      s32& sum = of_block[2 * lane];
      sum = product.saturates
                ? add_saturated(sum, from[lane])
                : static_cast<s32>(static_cast<u32>(sum) + static_cast<u32>(from[lane]));
    }
  }
  for (int r = 0; r < 2 * blocks; ++r) {
    const s32* const of_block = sums + r / 2 * block + r % 2;
    s32* const to = frame.lanes<s32>(d[r]);
    for (int lane = 0; lane < warp_size; ++lane) to[lane] = of_block[2 * lane];
  }
}

/// Blocks follow one another down the rows, then along the depth.
template <std::size_t word_bytes>
void gather_blocks(const Frame& frame, const Slot* slots, int row_blocks, int depth_blocks,
                   unsigned char* to) {
  constexpr std::size_t bytes = 4 * word_bytes;  // of a row in a block
  const std::size_t row_bytes = bytes * static_cast<std::size_t>(depth_blocks);
  for (int along = 0; along < depth_blocks; ++along) {
    for (int down = 0; down < row_blocks; ++down) {
      const auto* const from = frame.lanes<unsigned char>(*slots++);
      unsigned char* const block_start = to + static_cast<std::size_t>(8 * down) * row_bytes +
                                         static_cast<std::size_t>(along) * bytes;
      for (std::size_t row = 0; row < 8; ++row) {
        std::memcpy(block_start + row * row_bytes, from + row * bytes, bytes);
      }
    }
  }
}

}  // namespace

int operand_registers(int outer, int depth, MatrixElement element) {
  const int bits_of_block = 8 * warp_size * (element == MatrixElement::f64 ? 8 : 4);
  return outer * depth * bits_of(element) / bits_of_block;
}

int accumulator_registers(int rows, int columns, MatrixElement element) {
  return rows * columns / block * (element == MatrixElement::f16 ? 1 : 2);
}

void require_whole_warp(const Warp& warp, const Instruction& instruction, LaneMask mask) {
  if (mask == all_lanes) return;
  fault(warp, instruction, std::countr_zero(mask),
        fmt::format("all 32 lanes of a warp have to run a matrix instruction, but lane {} has "
                    "exited or was not launched",
                    std::countr_one(mask)));
}

void gather_operand(const Frame& frame, const Slot* slots, int outer, int depth,
                    MatrixElement element, u32* words) {
  auto* const to = reinterpret_cast<unsigned char*>(words);
  const int row_blocks = outer / 8;
  const int depth_blocks = operand_registers(outer, depth, element) / row_blocks;
  if (element == MatrixElement::f64) {
    gather_blocks<8>(frame, slots, row_blocks, depth_blocks, to);
  } else {
    gather_blocks<4>(frame, slots, row_blocks, depth_blocks, to);
  }
}

void multiply_words(Frame& frame, const MatrixProduct& product, const u32* a, const u32* b,
                    bool negates, const Slot* c, const Slot* d) {
  if (product.result == MatrixElement::s32) {
    multiply_integers(frame, product, a, b, c, d);
  } else {
    multiply_floats(frame, product, a, b, negates, c, d);
  }
}

void multiply_matrices(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Warp& warp = warp_of(frame);
  require_whole_warp(warp, instruction, mask);
  const auto& product = operation_of<MatrixProduct>(warp, instruction);
  const Slot* const d = slots_of(warp, instruction);
  const Slot* const slots_of_a =
      d + accumulator_registers(product.rows, product.columns, product.result);
  const Slot* const slots_of_b = slots_of_a + product.a_registers;
  alignas(64) u32 a[most_words];
  alignas(64) u32 b[most_words];
  gather_operand(frame, slots_of_a, product.rows, product.depth, product.a, a);
  gather_operand(frame, slots_of_b, product.columns, product.depth, product.b, b);
  multiply_words(frame, product, a, b, false, slots_of_b + product.b_registers, d);
}

}  // namespace lq::emulator
