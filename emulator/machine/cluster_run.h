// Clusters of blocks from their start to their end.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/machine/block.h"
#include "emulator/machine/instruction_limit.h"

namespace lq::emulator {

/// The number of clusters in each dimension of the grid, which consists of whole ones.
Dim3 clusters_of(const Launch& launch);

/// `count` clusters that can run, one launch after the other.
std::vector<Cluster> make_clusters(const Launch& launch, std::size_t count);

/// Puts the blocks of the cluster with this number at the start of the kernel. `races` may be null.
void start_cluster(Cluster& cluster, LaunchRaces* races, std::uint64_t number);

/// Gives each warp a turn. Whether all blocks of the cluster have ended. Throws Error if no warp
/// can ever go on, and for what the limit reports.
bool run_round(Cluster& cluster, InstructionLimit& limit);

}  // namespace lq::emulator
