// Handlers of moves that are no rows of a table.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// Joins `parts` values of `part_bytes` (in registers of at least 16 bits), or splits one; null if
/// the sizes do not occur. The parts are the instruction's list.
Handler pack_handler(int part_bytes, int parts);
Handler unpack_handler(int part_bytes, int parts);

// Between addresses of a space and generic ones.
void to_shared_window(Frame& frame, const Instruction& instruction, LaneMask mask);
void from_shared_window(Frame& frame, const Instruction& instruction, LaneMask mask);
void to_local_window(Frame& frame, const Instruction& instruction, LaneMask mask);
void from_local_window(Frame& frame, const Instruction& instruction, LaneMask mask);
void to_param_window(Frame& frame, const Instruction& instruction, LaneMask mask);
void from_param_window(Frame& frame, const Instruction& instruction, LaneMask mask);

// Whether a generic address lies in the space.
void is_global_address(Frame& frame, const Instruction& instruction, LaneMask mask);
void is_shared_address(Frame& frame, const Instruction& instruction, LaneMask mask);
void is_cluster_address(Frame& frame, const Instruction& instruction, LaneMask mask);
void is_local_address(Frame& frame, const Instruction& instruction, LaneMask mask);
void is_param_address(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
