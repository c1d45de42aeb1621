// The state of a running cluster of blocks: warps, barriers, shared memory.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "emulator/machine/async_copies.h"
#include "emulator/machine/device_memory.h"
#include "emulator/machine/function.h"
#include "emulator/machine/lanes.h"
#include "emulator/machine/mbarrier.h"
#include "emulator/machine/order.h"
#include "emulator/machine/shared_memory.h"

namespace lq::emulator {

struct Dim3 {
  std::uint32_t x = 1;
  std::uint32_t y = 1;
  std::uint32_t z = 1;
  std::uint64_t count() const { return std::uint64_t{x} * y * z; }
  /// Where the one with this number lies in a box of this size; x counts first.
  Dim3 index_of(std::uint64_t number) const {
    return {static_cast<std::uint32_t>(number % x), static_cast<std::uint32_t>(number / x % y),
            static_cast<std::uint32_t>(number / x / y)};
  }
};

/// What one instruction did, if counters are wanted.
struct Tally {
  std::uint64_t warps = 0;
  std::uint64_t lanes = 0;
  std::uint64_t global_requests = 0;  // loads, stores and atomics of a warp
  std::uint64_t global_sectors = 0;   // of 32 bytes that these touch
  std::uint64_t global_bytes = 0;     // that lanes ask for
  std::uint64_t global_written_bytes = 0;
  std::uint64_t shared_requests = 0;
  std::uint64_t shared_wavefronts = 0;  // passes, with those that bank conflicts add
  std::uint64_t shared_passes = 0;      // without them
  std::uint64_t local_bytes = 0;

  Tally& operator+=(const Tally& other);
};
/// By function and instruction; functions that did not run have none.
using Tallies = std::vector<std::vector<Tally>>;

/// Counts of a launch, over all its threads.
struct Counters {
  std::uint64_t warp_instructions = 0;
  std::uint64_t lane_instructions = 0;
  std::uint64_t global_sectors = 0;  // of 32 bytes, that loads, stores and atomics touch
  Tallies tallies;

  Counters& operator+=(const Counters& other);
};

/// Minutes of the emulator's time; what takes longer will hardly end.
constexpr std::uint64_t default_most_warp_instructions = 50'000'000'000;

struct Launch {
  const Program* program = nullptr;
  const Function* kernel = nullptr;
  Dim3 grid;
  Dim3 block;
  Dim3 cluster;  // blocks that run together; the grid consists of whole clusters
  std::uint32_t dynamic_shared_bytes = 0;
  std::vector<std::byte> arguments;
  DeviceMemory* memory = nullptr;
  bool finds_races = true;       // between blocks, in global memory
  bool counts = false;           // whether tallies, sectors and bank conflicts are wanted
  bool reads_unwritten = false;  // reads of unwritten memory are let pass
  // All blocks are alive at once, and find a word for barriers of the grid behind this address.
  bool is_cooperative = false;
  std::uint64_t grid_workspace = 0;
  Order order = {};
  std::uint64_t most_warp_instructions = default_most_warp_instructions;  // then it is reported
};

enum class Wait : std::uint8_t { collective, barrier, cluster };

/// A function in execution. Lanes have their own program counters; those with the smallest run
/// first, and so meet again behind a branch.
struct Activation {
  const Function* function = nullptr;
  std::uint32_t registers = 0;    // offset in the warp's registers
  std::uint32_t local = 0;        // offset in each lane's local memory
  std::uint32_t stack_bytes = 0;  // behind the function's own local memory, by alloca
  LaneMask live = 0;              // lanes that have not returned
  LaneMask waiting = 0;
  const CallSite* call = nullptr;  // in the activation below
  std::array<std::uint32_t, warp_size> pc{};
  std::array<Wait, warp_size> wait{};             // of waiting lanes: what for
  std::array<std::uint8_t, warp_size> barrier{};  // that the lane waits at

  /// The lanes wait at the instruction that they are at.
  void suspend(LaneMask lanes, Wait what) {
    waiting |= lanes;
    for_each_lane(lanes, [&](int lane) { wait[static_cast<std::size_t>(lane)] = what; });
  }
  /// The lanes go on behind the instruction that they are at.
  void resume(LaneMask lanes) {
    waiting &= ~lanes;
    for_each_lane(lanes, [&](int lane) { ++pc[static_cast<std::size_t>(lane)]; });
  }
};

/// What a warp's wgmma instructions have left to wait for. Groups count from 1.
struct WarpgroupState {
  /// Groups that use a register last.
  struct Use {
    std::uint32_t writing = 0;
    std::uint32_t reading = 0;
  };
  /// Of `read_bytes` of the block's shared memory.
  struct Read {
    std::uint32_t group = 0;
    std::uint32_t place = 0;  // of the instruction
    std::uint32_t offset = 0;
  };
  static constexpr unsigned read_bytes = 16;
  bool fenced = false;
  std::uint32_t committed = 0;
  std::uint32_t completed = 0;
  std::vector<Use> registers;  // by place in the warp's registers
  std::vector<Read> reads;     // of groups that are not complete, in their order
};

struct Block;

/// Where a lane has found that a phase of an mbarrier is not complete.
struct MbarrierWait {
  const Instruction* instruction = nullptr;  // null: it has not
  const Mbarrier* barrier = nullptr;
  std::uint32_t offset = 0;  // of the barrier in shared memory
  int lane = 0;
};

struct Warp : Frame {
  Block* block = nullptr;
  int index = 0;
  int agent = 0;  // its number in the cluster, for clocks
  LaneMask launched = 0;
  LaneMask live = 0;  // lanes that have not exited
  std::vector<Activation> activations;
  std::vector<unsigned char> registers;
  std::vector<std::byte> local;  // `local_stride` bytes for each lane
  std::uint32_t local_stride = 0;
  Counters counters;
  WarpgroupState warpgroup;
  std::uint32_t backward_branches = 0;  // since other lanes last had their turn
  LaneMask cluster_arrived = 0;         // at the cluster's barrier, which they have not left
  LaneMask cluster_completed = 0;       // of these, those that may leave it
  WarpClocks::Knowledge fenced_inits;   // for its next arrival there, by fence.mbarrier_init
  MbarrierWait waits;                   // in vain: others get their turn
  std::vector<ThreadCopies> copies;     // of each lane, or none at all

  Activation& top() { return activations.back(); }
  bool finished() const { return activations.empty(); }
  std::byte* local_bytes(int lane) {
    return local.data() + static_cast<std::size_t>(lane) * local_stride;
  }
};

struct Barrier {
  std::uint32_t arrived = 0;   // threads
  std::uint32_t expected = 0;  // 0: all threads of the block that have not exited
  std::uint32_t warps = 0;     // that arrived
  std::uint32_t votes = 0;     // threads with a true predicate, for bar.red
};

struct Cluster;

struct Block {
  const Launch* launch = nullptr;
  Cluster* cluster = nullptr;
  std::uint32_t rank = 0;  // in the cluster
  Dim3 index;
  std::vector<Warp> warps;
  std::array<Barrier, 16> barriers;
  SharedMemory shared;
  std::uint32_t live_threads = 0;
  BlockClock clock;
  Tallies tallies;                              // of all blocks that ran here
  std::map<std::uint32_t, Mbarrier> mbarriers;  // by offset in shared memory

  DeviceMemory& memory() const { return *launch->memory; }
  std::uint32_t expected_at(const Barrier& barrier) const {
    return barrier.expected != 0 ? barrier.expected : live_threads;
  }
};

/// Blocks that run together and see each other's shared memory; a single one where the launch says
/// nothing else.
struct Cluster {
  const Launch* launch = nullptr;
  Dim3 index;
  std::vector<Block> blocks;
  WarpClocks clocks;
  Turns turns;
  WarpClocks::Knowledge arrived;    // what those know who came to the cluster's barrier
  WarpClocks::Knowledge completed;  // the same when it was last complete
  std::uint64_t events = 0;         // that may have let a waiting thread go on
  std::uint32_t rounds_in_vain = 0;
};

/// Throws Error that names the kernel, block, thread, source line and instruction, which is
/// one of the function on top.
[[noreturn]] void fault(const Warp& warp, const Instruction& instruction, int lane,
                        const std::string& message);

/// "kernel.cu:12" if the program was compiled with line information, or else the line in the PTX.
std::string source_text(const Program& program, const Function& function, std::size_t pc);

/// An instruction in 32 bits: 12 for the function, 20 for its place there.
inline std::uint32_t place_of(const Warp& warp, const Instruction& instruction) {
  const Function& function = *warp.activations.back().function;
  return function.index << 20 |
         (static_cast<std::uint32_t>(&instruction - function.code.data()) & 0xFFFFF);
}
std::string text_of_place(const Program& program, std::uint32_t place);
/// A function's name as it was written in the program.
std::string demangled(const std::string& name);
std::string kernel_text(const Launch& launch);
/// "(1, 2, 3)", for messages.
std::string index_text(const Dim3& index);

}  // namespace lq::emulator
