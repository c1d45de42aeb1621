// What the environment says about the device.
#pragma once

#include <cstdint>
#include <string>

#include "emulator/machine/block.h"
#include "emulator/runtime/stream_queue.h"

namespace lq::emulator {

enum class CounterOutput { none, table, lines, json };

struct Settings {
  int capability = 80;             // LQNET_EMULATED_SM
  int threads = 1;                 // LQNET_EMULATED_THREADS, at first the number of cores
  std::uint64_t memory_bytes = 0;  // LQNET_EMULATED_MEMORY_MB
  // LQNET_EMULATED_MULTIPROCESSORS: few, since programs choose their grids by it.
  int multiprocessors = 8;
  CounterOutput counters = CounterOutput::none;  // LQNET_EMULATED_COUNTERS
  std::string counter_file;                      // empty: the standard error stream
  std::string launch_file;  // LQNET_EMULATED_LAUNCHES: kernels, and how often each was launched
  bool finds_races = true;  // LQNET_EMULATED_RACES: between blocks
  bool reads_unwritten = false;                    // LQNET_EMULATED_UNWRITTEN=1: let pass
  Order order = {};                                // LQNET_EMULATED_ORDER
  StreamTiming streams = StreamTiming::immediate;  // LQNET_EMULATED_STREAMS
  std::uint64_t most_warp_instructions = default_most_warp_instructions;  // LQNET_EMULATED_LIMIT
  bool continues = false;  // LQNET_EMULATED_CONTINUE=1: faults become error codes
};

/// Throws Error for values that make no sense.
Settings settings_from_environment();

/// What a device of the capability has.
struct DeviceLimits {
  int capability;
  int shared_per_block_optin;
  int shared_per_multiprocessor;
  int threads_per_multiprocessor;
  int blocks_per_multiprocessor;
};
const DeviceLimits& limits_of(int capability);

constexpr int shared_per_block = 48 * 1024;
constexpr int reserved_shared_per_block = 1024;
constexpr int max_threads_per_block = 1024;
constexpr Dim3 most_block{1024, 1024, 64};
constexpr Dim3 most_grid{0x7FFFFFFF, 65535, 65535};
// Kernels may be allowed more, up to DeviceMemory::most_cluster_blocks.
constexpr int most_portable_cluster_blocks = 8;
inline bool has_clusters(const Settings& settings) { return settings.capability >= 90; }

}  // namespace lq::emulator
