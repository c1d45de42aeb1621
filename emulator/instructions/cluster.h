// Handlers of instructions that blocks of a cluster have for each other.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

void cluster_arrive(Frame& frame, const Instruction& instruction, LaneMask mask);

/// mapa: the address in source 0, of shared memory or a generic one in its window, of `bytes`, in
/// the block whose rank is source 1.
Handler map_address_handler(bool is_shared, int bytes);
/// getctarank: the rank of the block whose shared memory the address in source 0 leads to.
Handler rank_of_address_handler(bool is_shared, int bytes);

}  // namespace lq::emulator
