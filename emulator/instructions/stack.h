// Local memory that functions take while they run: alloca, stacksave, stackrestore.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// Source 0: bytes of each lane. Registers of `register_bytes` (4 or 8) in all of these.
void allocate_on_stack(Frame& frame, const Instruction& instruction, LaneMask mask);
/// The end of the stack.
void save_stack(Frame& frame, const Instruction& instruction, LaneMask mask);
/// Gives back what was taken since the saved end in source 0, if no lane of the function is
/// elsewhere: what these hold has to stay.
void restore_stack(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
