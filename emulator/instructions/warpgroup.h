// Handlers of wgmma. Each warp of a group makes its own 16 rows of the product, when it comes to
// the instruction; the results may not be touched before the warp has waited for them.
//
// Lists and sources of wgmma.mma_async: registers of d and, unless a is in memory, of a; source 1
// has the descriptor of a, source 2 that of b, source 3 the predicate scale-d.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

void multiply_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask);
void fence_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask);
void commit_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask);
/// Until at most `detail` groups are open.
void wait_for_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask);

/// Throw Error if the register in source 0 is a result that nobody has waited for or, of a write,
/// an operand of such a product.
void check_may_be_read(Frame& frame, const Instruction& instruction, LaneMask mask);
void check_may_be_written(Frame& frame, const Instruction& instruction, LaneMask mask);

/// setmaxnreg: registers are not modelled.
void check_whole_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
