// Handlers of tensor copies in tile mode.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

// Source 1 is the generic address of a tensor map; the list begins with the coordinates, innermost
// first, of which there are `elements`.

/// Source 0 is the shared address, source 3 the mbarrier.
void copy_tensor_to_shared(Frame& frame, const Instruction& instruction, LaneMask mask);
/// Source 0 is the shared address.
void copy_tensor_to_global(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
