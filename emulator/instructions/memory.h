// Handlers of loads, stores, atomics and fences.
#pragma once

#include <string_view>

#include "emulator/machine/async_copies.h"
#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// By bytes in memory (1, 2, 4, 8) and in the register (2, 4, 8), which is at least as wide. The
/// registers are the instruction's list.
Handler load_handler(int access_bytes, int register_bytes);
Handler store_handler(int access_bytes, int register_bytes);

/// "add" with type "u32", and so on; null for what PTX does not have. Source 1 is the operand, for
/// "cas" source 1 is the comparand and source 2 the new value.
Handler atomic_handler(std::string_view operation, std::string_view type);

/// What bulk copies do to each element of their destination: "add" with type "u32", and so on. Null
/// for what PTX does not have.
ReduceElement reduce_element(std::string_view operation, std::string_view type);

/// membar and fence for more than one block.
void fence_grid(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
