#include "emulator/machine/cluster_run.h"

#include <bit>

#include "core/error.h"
#include "emulator/machine/interpreter.h"

namespace lq::emulator {
namespace {

// Warps take turns, since one may wait for what another writes.
constexpr std::uint64_t turn = 20000;
// Most turns at a barrier of the grid are spent waiting.
constexpr std::uint64_t turn_of_cooperative = 1000;
// Rounds in which all warps wait in vain, after which nothing will change: loops may do something
// else only so many times before they give up.
constexpr std::uint32_t most_rounds_in_vain = 10000;

std::size_t warps_per_block(const Launch& launch) {
  return static_cast<std::size_t>((launch.block.count() + warp_size - 1) / warp_size);
}

void start_warp(Block& block, Warp& warp, int index) {
  const Launch& launch = *block.launch;
  const std::uint64_t threads =
      launch.block.count() - static_cast<std::uint64_t>(index) * warp_size;
  warp.block = &block;
  warp.index = index;
  warp.agent = static_cast<int>(block.rank * block.warps.size()) + index;
  warp.launched = threads >= warp_size ? all_lanes : (LaneMask{1} << threads) - 1;
  warp.live = warp.launched;
  warp.activations.clear();
  warp.backward_branches = 0;
  warp.warpgroup = {};
  warp.cluster_arrived = 0;
  warp.fenced_inits.clear();
  warp.cluster_completed = 0;
  warp.copies.clear();
  enter_function(warp, *launch.kernel, warp.live, nullptr);
}

void start_block(Block& block, LaunchRaces* races, const Dim3& index) {
  const Launch& launch = *block.launch;
  const Dim3& grid = launch.grid;
  block.index = index;
  block.warps.resize(warps_per_block(launch));
  block.live_threads = static_cast<std::uint32_t>(launch.block.count());
  block.barriers.fill({});
  block.mbarriers.clear();
  if (races != nullptr) {
    races->start_block(
        block.clock, index.x + std::uint64_t{grid.x} * (index.y + std::uint64_t{grid.y} * index.z));
  }
  block.shared.reset(launch.kernel->static_shared_bytes + launch.dynamic_shared_bytes,
                     block.cluster->clocks);
  for (std::size_t i = 0; i < block.warps.size(); ++i) {
    start_warp(block, block.warps[i], static_cast<int>(i));
  }
}

[[noreturn]] void report_barrier(const Warp& warp) {
  const Block& block = *warp.block;
  const Activation& top = warp.activations.back();
  const auto lane = static_cast<std::size_t>(std::countr_zero(top.waiting));
  const Instruction& instruction = top.function->code[top.pc[lane]];
  if (top.wait[lane] == Wait::cluster) {
    fault(warp, instruction, static_cast<int>(lane),
          "deadlock: not all threads have come to the barrier of the cluster, and nobody can run");
  }
  const Barrier& barrier = block.barriers[top.barrier[lane]];
  fault(warp, instruction, static_cast<int>(lane),
        fmt::format("deadlock: {} threads have come to barrier {}, {} expected, and nobody can run",
                    barrier.arrived, top.barrier[lane], block.expected_at(barrier)));
}

[[noreturn]] void report_deadlock(const Cluster& cluster) {
  const Warp* blocked = nullptr;
  for (const Block& block : cluster.blocks) {
    for (const Warp& warp : block.warps) {
      if (const MbarrierWait& wait = warp.waits; wait.instruction != nullptr) {
        fault(
            warp, *wait.instruction, wait.lane,
            fmt::format("deadlock: nobody can run, and the phase of the mbarrier at shared offset "
                        "{} still expects {} arrivals and {} bytes",
                        wait.offset, wait.barrier->pending, wait.barrier->transactions));
      }
      if (blocked == nullptr && !warp.finished()) blocked = &warp;
    }
  }
  if (blocked != nullptr) report_barrier(*blocked);
  fail("{}: deadlock", kernel_text(*cluster.launch));
}

}  // namespace

Dim3 clusters_of(const Launch& launch) {
  const Dim3& cluster = launch.cluster;
  return {launch.grid.x / cluster.x, launch.grid.y / cluster.y, launch.grid.z / cluster.z};
}

std::vector<Cluster> make_clusters(const Launch& launch, std::size_t count) {
  std::vector<Cluster> clusters(count);
  for (Cluster& cluster : clusters) {
    cluster.launch = &launch;
    cluster.blocks.resize(launch.cluster.count());
    for (std::size_t rank = 0; rank < cluster.blocks.size(); ++rank) {
      Block& block = cluster.blocks[rank];
      block.launch = &launch;
      block.cluster = &cluster;
      block.rank = static_cast<std::uint32_t>(rank);
      if (!launch.counts) continue;
      for (const Function& function : launch.program->functions) {
        block.tallies.emplace_back(function.code.size());
      }
    }
  }
  return clusters;
}

void start_cluster(Cluster& cluster, LaunchRaces* races, std::uint64_t number) {
  const Launch& launch = *cluster.launch;
  const Dim3& size = launch.cluster;
  const std::size_t warps = warps_per_block(launch) * cluster.blocks.size();
  cluster.index = clusters_of(launch).index_of(number);
  cluster.arrived.clear();
  cluster.completed.clear();
  cluster.rounds_in_vain = 0;
  // The last clock is that of copies.
  cluster.clocks.reset(static_cast<int>(warps) + 1);
  cluster.turns.start(launch.order, number, warps,
                      launch.is_cooperative ? turn_of_cooperative : turn);
  for (Block& block : cluster.blocks) {
    const Dim3 inside = size.index_of(block.rank);
    start_block(block, races,
                {cluster.index.x * size.x + inside.x, cluster.index.y * size.y + inside.y,
                 cluster.index.z * size.z + inside.z});
  }
}

bool run_round(Cluster& cluster, InstructionLimit& limit) {
  const std::size_t warps = warps_per_block(*cluster.launch);
  const std::uint64_t events = cluster.events;
  bool all_finished = true;
  bool any_ran = false;       // at all
  bool any_advanced = false;  // and did something else than to wait in vain
  for (const std::uint32_t agent : cluster.turns.next_round()) {
    Warp& warp = cluster.blocks[agent / warps].warps[agent % warps];
    if (warp.finished()) continue;
    const std::uint64_t before = warp.counters.warp_instructions;
    const Outcome outcome = run_warp(warp, cluster.turns.next_length());
    const std::uint64_t ran = warp.counters.warp_instructions - before;
    all_finished = all_finished && outcome == Outcome::finished;
    any_ran = any_ran || outcome != Outcome::blocked || ran != 0;
    any_advanced = any_advanced || outcome == Outcome::finished || outcome == Outcome::yielded ||
                   (outcome == Outcome::blocked && ran != 0);
    limit.add(warp, ran);
  }
  if (all_finished) {
    finish_copies(cluster);
    return true;
  }
  any_advanced = any_advanced || cluster.events != events;
  cluster.rounds_in_vain = any_advanced ? 0 : cluster.rounds_in_vain + 1;
  if (!any_ran || cluster.rounds_in_vain > most_rounds_in_vain) report_deadlock(cluster);
  return false;
}

}  // namespace lq::emulator
