// Runs a launch.
#pragma once

#include "emulator/machine/block.h"

namespace lq::emulator {

/// Runs all blocks on up to `threads` host threads. Throws the first Error that a block meets.
Counters run_grid(const Launch& launch, int threads);

}  // namespace lq::emulator
