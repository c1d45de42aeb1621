// Loops over the lanes of a mask. Not for files that are compiled once per instruction set: a
// template is shared between them.
#pragma once

#include <bit>

#include "emulator/machine/instruction.h"

namespace lq::emulator {

template <typename Body>
void for_each_lane(LaneMask mask, Body&& body) {
  for (; mask != 0; mask &= mask - 1) body(std::countr_zero(mask));
}

}  // namespace lq::emulator
