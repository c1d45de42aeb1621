// Runs the instructions of one warp.
#pragma once

#include <cstdint>

#include "emulator/machine/block.h"

namespace lq::emulator {

enum class Outcome {
  finished,  // all lanes have exited
  blocked,   // lanes wait at a barrier of the block or cluster, and no other can run
  waiting,   // a lane has found that a phase of an mbarrier is not complete
  yielded,   // the number of instructions is used up
};

/// Runs until one of these happens, for at most `most_instructions`. Throws Error for a fault.
Outcome run_warp(Warp& warp, std::uint64_t most_instructions);

/// Makes the warp start the function with these lanes: fills special registers and local memory.
void enter_function(Warp& warp, const Function& function, LaneMask lanes, const CallSite* call);

/// What a device grants a thread at most of local memory.
constexpr std::uint32_t most_local_bytes = 512 * 1024;
/// Takes local memory for all lanes until the function on top returns: its offset, a multiple
/// of 16.
std::uint32_t grow_stack(Warp& warp, std::uint32_t bytes);

}  // namespace lq::emulator
