#include "emulator/machine/grid.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "core/error.h"
#include "emulator/machine/cluster_run.h"

namespace lq::emulator {
namespace {

/// What the host threads share.
struct Progress {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> warp_instructions{0};
  std::atomic<bool> has_failed{false};
  std::mutex mutex;
  std::exception_ptr error;
  Counters counters;
  std::unique_ptr<LaunchRaces> races;
};

// Clusters end early when another one has met a fault: they may wait for what it will never write.

/// One cluster after the other, as long as any is left.
void run_in_turn(Cluster& cluster, Progress& progress, InstructionLimit& limit) {
  const Launch& launch = *cluster.launch;
  const std::uint64_t clusters = clusters_of(launch).count();
  for (std::uint64_t next = progress.next++; next < clusters; next = progress.next++) {
    start_cluster(cluster, progress.races.get(), block_at(launch.order, next, clusters));
    while (!progress.has_failed && !run_round(cluster, limit)) {
    }
  }
}

/// All at once: the clusters of every so many positions from the first one on.
void run_together(std::vector<Cluster>& own, Progress& progress, InstructionLimit& limit,
                  std::uint64_t first, std::uint64_t step) {
  const Launch& launch = *own.front().launch;
  const std::uint64_t clusters = clusters_of(launch).count();
  std::vector<Cluster*> running;
  for (Cluster& cluster : own) {
    const std::uint64_t position = first + running.size() * step;
    start_cluster(cluster, progress.races.get(), block_at(launch.order, position, clusters));
    running.push_back(&cluster);
  }
  while (!running.empty() && !progress.has_failed) {
    std::erase_if(running, [&](Cluster* cluster) { return run_round(*cluster, limit); });
  }
}

/// The share of one of the host threads.
void run_clusters(const Launch& launch, Progress& progress, std::uint64_t worker,
                  std::uint64_t workers) {
  const std::uint64_t clusters = clusters_of(launch).count();
  const std::uint64_t together =
      launch.is_cooperative ? (clusters - worker + workers - 1) / workers : 1;
  std::vector<Cluster> own = make_clusters(launch, together);
  try {
    InstructionLimit limit(launch.most_warp_instructions, progress.warp_instructions);
    if (launch.is_cooperative) {
      run_together(own, progress, limit, worker, workers);
    } else {
      run_in_turn(own.front(), progress, limit);
    }
  } catch (...) {
    progress.next = clusters;
    progress.has_failed = true;
    const std::lock_guard lock(progress.mutex);
    if (!progress.error) progress.error = std::current_exception();
  }
  const std::lock_guard lock(progress.mutex);
  for (Cluster& cluster : own) {
    for (Block& block : cluster.blocks) {
      for (const Warp& warp : block.warps) progress.counters += warp.counters;
      Counters instructions;
      instructions.tallies = std::move(block.tallies);
      progress.counters += instructions;
    }
  }
}

}  // namespace

Counters& Counters::operator+=(const Counters& other) {
  warp_instructions += other.warp_instructions;
  lane_instructions += other.lane_instructions;
  global_sectors += other.global_sectors;
  tallies.resize(std::max(tallies.size(), other.tallies.size()));
  for (std::size_t f = 0; f < other.tallies.size(); ++f) {
    tallies[f].resize(std::max(tallies[f].size(), other.tallies[f].size()));
    for (std::size_t i = 0; i < other.tallies[f].size(); ++i) tallies[f][i] += other.tallies[f][i];
  }
  return *this;
}

Tally& Tally::operator+=(const Tally& other) {
  warps += other.warps;
  lanes += other.lanes;
  global_requests += other.global_requests;
  global_sectors += other.global_sectors;
  global_bytes += other.global_bytes;
  global_written_bytes += other.global_written_bytes;
  shared_requests += other.shared_requests;
  shared_wavefronts += other.shared_wavefronts;
  shared_passes += other.shared_passes;
  local_bytes += other.local_bytes;
  return *this;
}

Counters run_grid(const Launch& launch, int threads) {
  const Dim3& size = launch.cluster;
  check(launch.grid.x % size.x == 0 && launch.grid.y % size.y == 0 && launch.grid.z % size.z == 0 &&
            size.count() <= DeviceMemory::most_cluster_blocks,
        "{}: clusters of {} x {} x {} blocks in a grid of {} x {} x {}, whole ones of at most {} "
        "blocks expected",
        kernel_text(launch), size.x, size.y, size.z, launch.grid.x, launch.grid.y, launch.grid.z,
        DeviceMemory::most_cluster_blocks);
  Progress progress;
  // One block has nobody to race with.
  if (launch.finds_races && launch.grid.count() > 1) {
    progress.races = std::make_unique<LaunchRaces>(launch.memory->races());
  }
  const auto workers =
      std::min(static_cast<std::uint64_t>(std::max(threads, 1)), clusters_of(launch).count());
  {
    std::vector<std::jthread> others;
    for (std::uint64_t i = 1; i < workers; ++i) {
      others.emplace_back([&, i] { run_clusters(launch, progress, i, workers); });
    }
    run_clusters(launch, progress, 0, workers);
  }
  if (progress.error) std::rethrow_exception(progress.error);
  return progress.counters;
}

}  // namespace lq::emulator
