// Handlers that bring matrices into fragments and back. Collective: source 0 is the member mask,
// source 1 the address of each lane, and the list has the registers.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// ldmatrix and stmatrix of 8 x 8 elements of 16 bits, one matrix for each register. Lane 8 i + r
/// has the shared address of row r of matrix i.
void load_matrices(Frame& frame, const Instruction& instruction, LaneMask mask);
void load_matrices_transposed(Frame& frame, const Instruction& instruction, LaneMask mask);
void store_matrices(Frame& frame, const Instruction& instruction, LaneMask mask);
void store_matrices_transposed(Frame& frame, const Instruction& instruction, LaneMask mask);

/// movmatrix.trans: the list is d, a.
void transpose_matrix(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
