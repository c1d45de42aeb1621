#include "emulator/machine/meeting.h"

#include <bit>

#include "core/error.h"
#include "emulator/machine/interpreter.h"
#include "emulator/machine/lanes.h"
#include "emulator/machine/reachability.h"

namespace lq::emulator {
namespace {

LaneMask bit(int lane) { return LaneMask{1} << lane; }

const Instruction& instruction_of(const Activation& activation, int lane) {
  return activation.function->code[activation.pc[static_cast<std::size_t>(lane)]];
}

std::uint32_t member_mask(const Warp& warp, const Instruction& instruction, int lane) {
  return warp.lanes<std::uint32_t>(instruction.sources[0])[lane];
}

/// Lanes that wait at this instruction, or at one that meets with it, for the same members.
LaneMask lanes_waiting_for(const Warp& warp, const Instruction& instruction,
                           std::uint32_t members) {
  const Activation& top = warp.activations.back();
  LaneMask result = 0;
  for_each_lane(top.waiting, [&](int lane) {
    const Instruction& other = instruction_of(top, lane);
    const bool same = &other == &instruction ||
                      ((instruction.detail & other.detail & CollectiveDetail::anywhere) != 0 &&
                       other.flow == Flow::collective);
    if (top.wait[static_cast<std::size_t>(lane)] == Wait::collective && same &&
        member_mask(warp, other, lane) == members) {
      result |= bit(lane);
    }
  });
  return result;
}

/// Throws Error if one of the missing lanes has passed by.
void check_missing(const Warp& warp, const Instruction& instruction, int lane, LaneMask missing,
                   const char* what) {
  const Activation& top = warp.activations.back();
  const auto pc = static_cast<std::uint32_t>(&instruction - top.function->code.data());
  for_each_lane(missing, [&](int other) {
    const auto index = static_cast<std::size_t>(other);
    const bool is_elsewhere = (top.live & bit(other)) == 0;
    const bool waits = (top.waiting & bit(other)) != 0;
    if (is_elsewhere || (!waits && has_passed_by(*top.function, top.pc[index], pc))) {
      fault(warp, instruction, lane,
            fmt::format("{}: lane {} of the warp has not come and is elsewhere in the kernel", what,
                        other));
    }
  });
}

/// Runs the instruction if all members that have not exited are there.
bool try_meeting(Warp& warp, const Instruction& instruction, LaneMask arrived,
                 std::uint32_t members) {
  if ((members & warp.live & ~arrived) != 0) return false;
  instruction.handler(warp, instruction, arrived);
  warp.top().resume(arrived);
  return true;
}

/// What bar.red gives each waiting lane.
void give_vote(Warp& warp, const Instruction& instruction, int lane, const Barrier& barrier) {
  const Slot slot = instruction.results[0];
  if ((instruction.detail & BarrierDetail::reduce_popc) != 0) {
    warp.lanes<std::uint32_t>(slot)[lane] = barrier.votes;
  } else if (is_slot(slot)) {
    const bool is_and = (instruction.detail & BarrierDetail::reduce_and) != 0;
    const bool value =
        is_and ? barrier.votes == warp.block->expected_at(barrier) : barrier.votes != 0;
    LaneMask& predicate = warp.predicate(slot);
    predicate = value ? predicate | bit(lane) : predicate & ~bit(lane);
  }
}

/// Lets everybody who waits at the barrier go on if all have arrived.
void complete_barrier_if_all_arrived(Block& block, int id) {
  Barrier& barrier = block.barriers[static_cast<std::size_t>(id)];
  if (barrier.arrived == 0 || barrier.arrived < block.expected_at(barrier)) return;
  for (Warp& warp : block.warps) {
    if (warp.finished()) continue;
    Activation& top = warp.top();
    LaneMask ready = 0;
    for_each_lane(top.waiting, [&](int lane) {
      const auto index = static_cast<std::size_t>(lane);
      if (top.wait[index] != Wait::barrier || top.barrier[index] != id) return;
      give_vote(warp, instruction_of(top, lane), lane, barrier);
      ready |= bit(lane);
    });
    top.resume(ready);
  }
  block.cluster->clocks.synchronize(block.warps.front().agent, barrier.warps);
  ++block.cluster->events;
  barrier = {};
}

constexpr const char* member_mask_fault = "the member mask names lanes that do not take part";

}  // namespace

bool is_meeting_complete(const Warp& warp, const Instruction& instruction, LaneMask active) {
  const std::uint32_t* const members = warp.lanes<std::uint32_t>(instruction.sources[0]);
  std::uint32_t common = all_lanes;
  for (int lane = 0; lane < warp_size; ++lane) {
    common &= (active >> lane & 1) != 0 ? members[lane] : all_lanes;
  }
  return common == all_lanes;
}

void arrive_at_meeting(Warp& warp, const Instruction& instruction, LaneMask active) {
  while (active != 0) {
    const int first = std::countr_zero(active);
    const std::uint32_t members = member_mask(warp, instruction, first);
    LaneMask group = 0;
    for_each_lane(active, [&](int lane) {
      const std::uint32_t own = member_mask(warp, instruction, lane);
      if ((own & bit(lane)) == 0) {
        fault(warp, instruction, lane,
              fmt::format("the member mask {:#010x} lacks the calling lane {}", own, lane));
      }
      if (own == members) group |= bit(lane);
    });
    active &= ~group;
    const LaneMask arrived = group | lanes_waiting_for(warp, instruction, members);
    if (try_meeting(warp, instruction, arrived, members)) continue;
    check_missing(warp, instruction, first, members & warp.live & ~arrived, member_mask_fault);
    warp.top().suspend(group, Wait::collective);
  }
}

bool settle_waiting(Warp& warp) {
  Activation& top = warp.top();
  if (top.live == 0) {
    // Everybody has exited.
    warp.activations.clear();
    return true;
  }
  bool at_barrier = false;
  int first_stuck = -1;
  for (int lane = 0; lane < warp_size; ++lane) {
    if ((top.waiting & bit(lane)) == 0) continue;
    if (top.wait[static_cast<std::size_t>(lane)] != Wait::collective) {
      at_barrier = true;
      continue;
    }
    // Exits may have made a meeting complete.
    const Instruction& instruction = instruction_of(top, lane);
    const std::uint32_t members = member_mask(warp, instruction, lane);
    const LaneMask arrived = lanes_waiting_for(warp, instruction, members);
    if (try_meeting(warp, instruction, arrived, members)) return true;
    if (first_stuck < 0) first_stuck = lane;
  }
  if (first_stuck >= 0 && !at_barrier) {
    const Instruction& instruction = instruction_of(top, first_stuck);
    fault(warp, instruction, first_stuck, member_mask_fault);
  }
  return false;
}

void arrive_at_barrier(Warp& warp, const Instruction& instruction, LaneMask active) {
  Block& block = *warp.block;
  Activation& top = warp.top();
  const int first = std::countr_zero(active);
  const std::uint32_t id = warp.lanes<std::uint32_t>(instruction.sources[0])[first];
  if (id >= block.barriers.size()) {
    fault(warp, instruction, first, fmt::format("barrier {}, at most 15 expected", id));
  }
  const bool aligned = (instruction.detail & BarrierDetail::aligned) != 0;
  if (aligned) {
    const LaneMask others = warp.live & ~active;
    for_each_lane(others & top.waiting, [&](int lane) {
      if (&instruction_of(top, lane) != &instruction) {
        fault(warp, instruction, first,
              fmt::format("divergent barrier: lane {} of the warp waits elsewhere, at {}", lane,
                          source_text(*block.launch->program, *top.function,
                                      top.pc[static_cast<std::size_t>(lane)])));
      }
    });
    check_missing(warp, instruction, first, others, "divergent barrier");
  }
  Barrier& barrier = block.barriers[id];
  if (is_slot(instruction.sources[1])) {
    barrier.expected = warp.lanes<std::uint32_t>(instruction.sources[1])[first];
    // A count is one of whole warps, whatever their number of threads.
    const bool is_new = (barrier.warps >> warp.index & 1) == 0;
    if (is_new) barrier.arrived += static_cast<std::uint32_t>(warp_size - std::popcount(warp.live));
  }
  barrier.arrived += static_cast<std::uint32_t>(std::popcount(active));
  barrier.warps |= 1U << warp.index;
  if (is_slot(instruction.sources[2])) {
    const LaneMask votes = warp.predicate(instruction.sources[2]) & active;
    barrier.votes += static_cast<std::uint32_t>(std::popcount(votes));
  }
  if ((instruction.detail & BarrierDetail::arrive) != 0) {
    top.resume(active);
  } else {
    top.suspend(active, Wait::barrier);
    for_each_lane(active, [&](int lane) {
      top.barrier[static_cast<std::size_t>(lane)] = static_cast<std::uint8_t>(id);
    });
  }
  complete_barrier_if_all_arrived(block, static_cast<int>(id));
}

void exit_lanes(Warp& warp, LaneMask lanes) {
  for (Activation& activation : warp.activations) activation.live &= ~lanes;
  warp.live &= ~lanes;
  drop_left_functions(warp);
  Block& block = *warp.block;
  block.live_threads -= static_cast<std::uint32_t>(std::popcount(lanes));
  for (int id = 0; id < static_cast<int>(block.barriers.size()); ++id) {
    const Barrier& barrier = block.barriers[static_cast<std::size_t>(id)];
    if (barrier.arrived > 0 && barrier.expected == 0) complete_barrier_if_all_arrived(block, id);
  }
  complete_cluster_barrier_if_all_arrived(*block.cluster);
}

}  // namespace lq::emulator
