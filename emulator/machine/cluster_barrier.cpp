// barrier.cluster: all threads of the cluster arrive, and each waits when it wants to.

#include <bit>

#include "core/error.h"
#include "emulator/machine/lanes.h"
#include "emulator/machine/meeting.h"

namespace lq::emulator {
namespace {

std::uint32_t live_threads(const Cluster& cluster) {
  std::uint32_t threads = 0;
  for (const Block& block : cluster.blocks) threads += block.live_threads;
  return threads;
}

/// What one block did in global memory before the barrier is known to the others behind it.
void order_global_memory(Cluster& cluster) {
  LaunchRaces* const races = cluster.blocks.front().clock.races;
  if (races == nullptr || cluster.blocks.size() == 1) return;
  std::vector<BlockClock*> clocks;
  for (Block& block : cluster.blocks) clocks.push_back(&block.clock);
  races->meet(clocks);
}

void let_go(Warp& warp, LaneMask lanes) {
  warp.top().resume(lanes);
  warp.cluster_arrived &= ~lanes;
  warp.cluster_completed &= ~lanes;
  warp.block->cluster->clocks.acquire(warp.agent, warp.block->cluster->completed);
}

/// Lanes that wait for the cluster, and may go on.
LaneMask lanes_to_let_go(const Warp& warp) {
  LaneMask lanes = 0;
  const Activation& top = warp.activations.back();
  for_each_lane(top.waiting, [&](int lane) {
    if (top.wait[static_cast<std::size_t>(lane)] == Wait::cluster) lanes |= LaneMask{1} << lane;
  });
  return lanes & warp.cluster_completed;
}

}  // namespace

void arrive_at_cluster(Warp& warp, const Instruction& instruction, LaneMask active) {
  Cluster& cluster = *warp.block->cluster;
  if (const LaneMask twice = warp.cluster_arrived & active; twice != 0) {
    fault(warp, instruction, std::countr_zero(twice),
          "the thread arrives at the barrier of the cluster again before it has waited");
  }
  warp.cluster_arrived |= active;
  const bool releases = (instruction.detail & BarrierDetail::relaxed) == 0;
  if (releases) {
    cluster.clocks.release(warp.agent, cluster.arrived);
  } else if (!warp.fenced_inits.empty()) {
    cluster.clocks.add(warp.fenced_inits, cluster.arrived);
  }
  warp.fenced_inits.clear();
  complete_cluster_barrier_if_all_arrived(cluster);
}

void wait_for_cluster(Warp& warp, const Instruction& instruction, LaneMask active) {
  if (const LaneMask missing = active & ~warp.cluster_arrived; missing != 0) {
    fault(warp, instruction, std::countr_zero(missing),
          "the thread waits at the barrier of the cluster, at which it has not arrived");
  }
  warp.top().suspend(active, Wait::cluster);
  if (const LaneMask ready = lanes_to_let_go(warp); ready != 0) let_go(warp, ready);
}

void complete_cluster_barrier_if_all_arrived(Cluster& cluster) {
  std::uint32_t arrived = 0;
  for (const Block& block : cluster.blocks) {
    for (const Warp& warp : block.warps) {
      arrived += static_cast<std::uint32_t>(
          std::popcount(warp.cluster_arrived & ~warp.cluster_completed & warp.live));
    }
  }
  if (arrived == 0 || arrived < live_threads(cluster)) return;
  ++cluster.events;
  cluster.completed = cluster.arrived;
  order_global_memory(cluster);
  for (Block& block : cluster.blocks) {
    for (Warp& warp : block.warps) {
      warp.cluster_completed |= warp.cluster_arrived;
      if (warp.finished()) continue;
      if (const LaneMask ready = lanes_to_let_go(warp); ready != 0) let_go(warp, ready);
    }
  }
}

}  // namespace lq::emulator
