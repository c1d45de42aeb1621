// Handlers of cp.async, whose copies are complete when their thread has waited for them, or when an
// mbarrier that it let them arrive at is waited for.
#pragma once

#include "emulator/machine/block.h"

namespace lq::emulator {

/// Source 0 is the shared address, source 1 the generic or global one, `access_bytes` their number.
/// Source 2, if there is one, is the number of bytes that are read, or with AsyncDetail::ignores
/// the predicate that none are; the rest is zero.
void copy_small(Frame& frame, const Instruction& instruction, LaneMask mask);
struct AsyncDetail {
  static constexpr std::uint16_t ignores = 0x100;  // besides MemoryDetail
};

void commit_small_copies(Frame& frame, const Instruction& instruction, LaneMask mask);
/// Until at most `target` groups are not complete.
void wait_for_small_copies(Frame& frame, const Instruction& instruction, LaneMask mask);
void wait_for_all_small_copies(Frame& frame, const Instruction& instruction, LaneMask mask);

/// Throws Error if the source of a copy, which the lane waited for, has changed.
void check_source(const Warp& warp, const Instruction& instruction, int lane,
                  const ChangedSource& changed);

}  // namespace lq::emulator
