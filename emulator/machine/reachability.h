// Where a lane can still get to, to tell a lane that skipped a barrier from one that is late or has
// left the kernel early.
#pragma once

#include <cstdint>

#include "emulator/machine/function.h"

namespace lq::emulator {

/// Whether a lane at `pc` has passed by the instruction `meeting` for good: it cannot reach it any
/// more, but goes on with code that the lanes at `meeting` will execute, too. A lane that only
/// leaves the function has not.
bool has_passed_by(const Function& function, std::uint32_t pc, std::uint32_t meeting);

}  // namespace lq::emulator
