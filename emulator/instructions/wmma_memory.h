// Handlers of wmma.load and wmma.store. Collective: source 0 is the member mask, source 1 the
// address, source 2 the distance between rows or columns in elements, and the list has the
// registers.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// The fragments are those of mma, block by block (see matrix.h).
void load_fragment(Frame& frame, const Instruction& instruction, LaneMask mask);
void store_fragment(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
