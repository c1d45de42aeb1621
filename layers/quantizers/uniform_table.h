// Tables of quantizers whose levels are equally spaced.
#pragma once

#include "autograd/level_table.h"

namespace lq {

/// One row of `size` levels low, low + step, ...; thresholds are the midpoints, and code equals
/// position. The straight-through gradient passes within (pass_low, pass_high]. Says the alphabet
/// of 2^K levels that begin at zero, or that are opposites of one another.
autograd::LevelTable uniform_table(int size, double low, double step, float pass_low,
                                   float pass_high, Device device = {});

}  // namespace lq
