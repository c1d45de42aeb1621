// What handlers ask of the warp that runs them.
#pragma once

#include <bit>

#include "emulator/machine/block.h"

namespace lq::emulator {

/// Frames of handlers are warps.
inline Warp& warp_of(Frame& frame) { return static_cast<Warp&>(frame); }

/// The further slots of an instruction of the function on top.
inline const Slot* slots_of(const Warp& warp, const Instruction& instruction) {
  return warp.activations.back().function->lists.data() + instruction.list;
}

template <typename Body>
void for_each_lane(LaneMask mask, Body&& body) {
  for (; mask != 0; mask &= mask - 1) body(std::countr_zero(mask));
}

}  // namespace lq::emulator
