// Where lanes wait for one another: barriers, instructions with a member mask, and the ends of
// functions.
#pragma once

#include "emulator/machine/block.h"

namespace lq::emulator {

/// What Instruction::detail of a barrier says.
struct BarrierDetail {
  static constexpr std::uint16_t aligned = 1;  // all lanes of the warp have to come together
  static constexpr std::uint16_t arrive = 2;   // without waiting
  static constexpr std::uint16_t reduce_and = 4;
  static constexpr std::uint16_t reduce_or = 8;
  static constexpr std::uint16_t reduce_popc = 16;
  static constexpr std::uint16_t relaxed = 32;  // arrives without a release
};
/// What Instruction::detail of a collective instruction says, besides its own.
struct CollectiveDetail {
  // Lanes may come to different instructions of the kind: bar.warp.sync.
  static constexpr std::uint16_t anywhere = 0x8000;
};

/// Whether every lane names all lanes of the warp, of which all are here.
bool is_meeting_complete(const Warp& warp, const Instruction& instruction, LaneMask active);
/// Lanes come to a collective instruction, at which their program counters are: runs it for those
/// whose member mask is complete and lets the others wait.
void arrive_at_meeting(Warp& warp, const Instruction& instruction, LaneMask active);
void arrive_at_barrier(Warp& warp, const Instruction& instruction, LaneMask active);

/// The barrier of the cluster, at which lanes arrive in one instruction and wait in another, that
/// their program counters are at.
void arrive_at_cluster(Warp& warp, const Instruction& instruction, LaneMask active);
void wait_for_cluster(Warp& warp, const Instruction& instruction, LaneMask active);
void complete_cluster_barrier_if_all_arrived(Cluster& cluster);

/// No lane can run. True if that has changed, false if lanes wait at a barrier; throws
/// Error if lanes wait for others that will not come.
bool settle_waiting(Warp& warp);

/// Lanes return from the function on top, or end their thread.
void leave_function(Warp& warp, LaneMask lanes);
void exit_lanes(Warp& warp, LaneMask lanes);
/// The function on top becomes the last one that lanes have not left, if there is one.
void drop_left_functions(Warp& warp);

}  // namespace lq::emulator
