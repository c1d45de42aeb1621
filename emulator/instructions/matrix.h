// Products of matrices by a warp. Fragments are laid out as the figures of the PTX ISA's section on
// mma tell, of which all are alike: an operand is cut into blocks of 8 rows (of A; columns of B)
// and 4 words, accumulators into blocks of 8 x 8; each block is a register (or two).
//
// Arithmetic: products of floats narrower than f64 are exact; they are added to c in double
// precision, in order of depth, and the sum is rounded once. f64 is a chain of fused multiply-adds.
#pragma once

#include "emulator/instructions/handler.h"

namespace lq::emulator {

/// Registers that hold a matrix of `outer` rows of A or columns of B, or an accumulator.
int operand_registers(int outer, int depth, MatrixElement element);
int accumulator_registers(int rows, int columns, MatrixElement element);

/// Throws Error unless all 32 lanes run.
void require_whole_warp(const Warp& warp, const Instruction& instruction, LaneMask mask);

/// The matrix operation of the instruction.
template <typename Operation>
const Operation& operation_of(const Warp& warp, const Instruction& instruction) {
  return std::get<Operation>(warp.activations.back().function->matrices[instruction.target]);
}

/// Words of an operand in registers, row by row (of B: column by column).
void gather_operand(const Frame& frame, const Slot* slots, int outer, int depth,
                    MatrixElement element, std::uint32_t* words);

/// d = +-a * b + c; without c it counts as zero.
void multiply_words(Frame& frame, const MatrixProduct& product, const std::uint32_t* a,
                    const std::uint32_t* b, bool negates, const Slot* c, const Slot* d);

/// Handler of mma and wmma.mma. The list of registers is d, a, b, c.
void multiply_matrices(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
