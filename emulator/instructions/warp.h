// Handlers of instructions in which lanes of a warp exchange values. They run with all lanes that
// take part.
#pragma once

#include <string_view>

#include "emulator/machine/instruction.h"

namespace lq::emulator {

// shfl: sources are member mask, value, lane, segment; results the value and, if wanted, whether it
// came from a lane within bounds.
void shuffle_up(Frame& frame, const Instruction& instruction, LaneMask mask);
void shuffle_down(Frame& frame, const Instruction& instruction, LaneMask mask);
void shuffle_bfly(Frame& frame, const Instruction& instruction, LaneMask mask);
void shuffle_idx(Frame& frame, const Instruction& instruction, LaneMask mask);

// vote: sources are member mask, predicate.
void vote_all(Frame& frame, const Instruction& instruction, LaneMask mask);
void vote_any(Frame& frame, const Instruction& instruction, LaneMask mask);
void vote_uni(Frame& frame, const Instruction& instruction, LaneMask mask);
void vote_ballot(Frame& frame, const Instruction& instruction, LaneMask mask);

// match: sources are member mask, value of 32 or 64 bits.
Handler match_handler(bool all, int bytes);

/// redux: sources are member mask, value. "add" with "u32" and so on; null for what PTX lacks.
Handler redux_handler(std::string_view operation, std::string_view type);

void active_mask(Frame& frame, const Instruction& instruction, LaneMask mask);
void elect(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
