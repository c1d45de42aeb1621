// What handlers ask of the warp that runs them.
#pragma once

#include "emulator/machine/block.h"
#include "emulator/machine/lanes.h"

namespace lq::emulator {

/// Frames of handlers are warps.
inline Warp& warp_of(Frame& frame) { return static_cast<Warp&>(frame); }

/// The further slots of an instruction of the function on top.
inline const Slot* slots_of(const Warp& warp, const Instruction& instruction) {
  return warp.activations.back().function->lists.data() + instruction.list;
}

}  // namespace lq::emulator
