// Handlers of mbarrier instructions. What is to happen to an mbarrier by itself (a bulk copy's
// transactions, the arrival of a thread's copies) happens when somebody waits for it.
#pragma once

#include "emulator/instructions/memory_access.h"

namespace lq::emulator {

/// What Instruction::detail of these says.
struct MbarrierDetail {
  static constexpr std::uint16_t relaxed = 1;      // orders nothing
  static constexpr std::uint16_t drops = 2;        // arrive_drop
  static constexpr std::uint16_t no_complete = 4;  // the arrival may not complete the phase
  static constexpr std::uint16_t expects = 8;      // source 1 is a count of bytes
  static constexpr std::uint16_t parity = 16;      // source 1 is the parity of a phase
  static constexpr std::uint16_t expected = 32;    // the copies' arrival is one of the expected
};

/// An mbarrier and where it lies.
struct MbarrierPlace {
  Block* block = nullptr;
  std::uint32_t offset = 0;
  Mbarrier* barrier = nullptr;
};
/// Throws Error if there is none, or if something has written over it.
MbarrierPlace find_mbarrier(Warp& warp, const Instruction& instruction, int lane, Space space,
                            std::uint64_t address);
/// After each change: the object in memory, and those who wait.
void store_mbarrier(const MbarrierPlace& place);

// Source 0 is the address; source 1, where there is one, a count, bytes, a state or a parity.
void mbarrier_init(Frame& frame, const Instruction& instruction, LaneMask mask);
/// What the warp did so far is known to those who wait at the cluster's barrier behind its next
/// arrival, also if that is relaxed. Of a device, mbarrier.init alone.
void fence_mbarrier_init(Frame& frame, const Instruction& instruction, LaneMask mask);
void mbarrier_inval(Frame& frame, const Instruction& instruction, LaneMask mask);
void mbarrier_arrive(Frame& frame, const Instruction& instruction, LaneMask mask);
void mbarrier_expect(Frame& frame, const Instruction& instruction, LaneMask mask);
void mbarrier_complete(Frame& frame, const Instruction& instruction, LaneMask mask);
/// With Flow::wait.
void mbarrier_wait(Frame& frame, const Instruction& instruction, LaneMask mask);
/// Source 0 is a state.
void mbarrier_pending_count(Frame& frame, const Instruction& instruction, LaneMask mask);
/// cp.async.mbarrier.arrive
void copies_arrive(Frame& frame, const Instruction& instruction, LaneMask mask);

}  // namespace lq::emulator
