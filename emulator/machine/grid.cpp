#include "emulator/machine/grid.h"

#include <algorithm>
#include <bit>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "core/error.h"
#include "emulator/machine/interpreter.h"

namespace lq::emulator {
namespace {

// Warps take turns, since one may wait for what another writes.
constexpr std::uint64_t turn = 20000;
// Most turns at a barrier of the grid are spent waiting.
constexpr std::uint64_t turn_of_cooperative = 1000;

void start_warp(Block& block, Warp& warp, int index) {
  const Launch& launch = *block.launch;
  const std::uint64_t threads =
      launch.block.count() - static_cast<std::uint64_t>(index) * warp_size;
  warp.block = &block;
  warp.index = index;
  warp.launched = threads >= warp_size ? all_lanes : (LaneMask{1} << threads) - 1;
  warp.live = warp.launched;
  warp.activations.clear();
  warp.backward_branches = 0;
  warp.warpgroup = {};
  warp.copies.clear();
  enter_function(warp, *launch.kernel, warp.live, nullptr);
}

void start_block(Block& block, LaunchRaces* races, std::uint64_t number) {
  const Launch& launch = *block.launch;
  const Dim3& grid = launch.grid;
  block.index = {static_cast<std::uint32_t>(number % grid.x),
                 static_cast<std::uint32_t>(number / grid.x % grid.y),
                 static_cast<std::uint32_t>(number / grid.x / grid.y)};
  const auto warps = static_cast<std::size_t>((launch.block.count() + warp_size - 1) / warp_size);
  block.warps.resize(warps);
  block.live_threads = static_cast<std::uint32_t>(launch.block.count());
  block.barriers.fill({});
  block.turns.start(launch.order, number, warps,
                    launch.is_cooperative ? turn_of_cooperative : turn);
  if (races != nullptr) races->start_block(block.clock, number);
  block.shared.reset(launch.kernel->static_shared_bytes + launch.dynamic_shared_bytes,
                     static_cast<int>(warps));
  for (std::size_t i = 0; i < warps; ++i) start_warp(block, block.warps[i], static_cast<int>(i));
}

[[noreturn]] void report_deadlock(const Block& block) {
  for (const Warp& warp : block.warps) {
    if (warp.finished()) continue;
    const Activation& top = warp.activations.back();
    const int lane = std::countr_zero(top.waiting);
    const Barrier& barrier = block.barriers[top.barrier[static_cast<std::size_t>(lane)]];
    const std::uint32_t expected = barrier.expected != 0 ? barrier.expected : block.live_threads;
    fault(warp, top.function->code[top.pc[static_cast<std::size_t>(lane)]], lane,
          fmt::format("deadlock: {} threads have come to barrier {}, {} expected, and nobody can "
                      "run",
                      barrier.arrived, top.barrier[static_cast<std::size_t>(lane)], expected));
  }
  fail("{}: deadlock", block.launch->kernel->name);
}

/// What the host threads share.
struct Progress {
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> has_failed{false};
  std::atomic<std::uint64_t> warp_instructions{0};
  std::mutex mutex;
  std::exception_ptr error;
  Counters counters;
  std::unique_ptr<LaunchRaces> races;
};

/// Counts the instructions of a host thread, and reports the launch that has no end.
class InstructionLimit {
 public:
  InstructionLimit(const Launch& launch, Progress& progress)
      : most_(launch.most_warp_instructions), progress_(progress) {}

  void add(const Warp& warp, std::uint64_t instructions) {
    unreported_ += instructions;
    if (unreported_ < turn && unreported_ <= most_) return;
    progress_.warp_instructions += std::exchange(unreported_, 0);
    if (progress_.warp_instructions > most_ && !warp.finished()) report(warp);
  }

 private:
  /// The lanes that are behind are those of the loop.
  [[noreturn]] void report(const Warp& warp) const {
    const Activation& top = warp.activations.back();
    const LaneMask runnable = top.live & ~top.waiting;
    const LaneMask candidates = runnable != 0 ? runnable : top.live;
    auto behind = static_cast<std::size_t>(std::countr_zero(candidates));
    for (LaneMask rest = candidates; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      if (top.pc[lane] < top.pc[behind]) behind = lane;
    }
    fault(warp, top.function->code[top.pc[behind]], static_cast<int>(behind),
          fmt::format("the launch has run {} warp instructions and does not end "
                      "(LQNET_EMULATED_LIMIT={} allows no more)",
                      progress_.warp_instructions.load(), most_));
  }

  std::uint64_t most_;
  Progress& progress_;
  std::uint64_t unreported_ = 0;
};

/// Gives each warp a turn. Whether the block has ended.
bool run_round(Block& block, InstructionLimit& limit) {
  bool all_finished = true;
  bool any_ran = false;
  for (const std::uint32_t index : block.turns.next_round()) {
    Warp& warp = block.warps[index];
    if (warp.finished()) continue;
    const std::uint64_t before = warp.counters.warp_instructions;
    const Outcome outcome = run_warp(warp, block.turns.next_length());
    const std::uint64_t ran = warp.counters.warp_instructions - before;
    all_finished = all_finished && outcome == Outcome::finished;
    any_ran = any_ran || outcome != Outcome::blocked || ran != 0;
    limit.add(warp, ran);
  }
  if (!all_finished && !any_ran) report_deadlock(block);
  return all_finished;
}

/// Ends early when another block has met a fault: this one may wait for what it will never write.
void run_block(Block& block, Progress& progress, InstructionLimit& limit, std::uint64_t number) {
  start_block(block, progress.races.get(), number);
  while (!progress.has_failed && !run_round(block, limit)) {
  }
}

/// Blocks that are alive at once on a host thread.
std::vector<Block> make_blocks(const Launch& launch, std::size_t count) {
  std::vector<Block> blocks(count);
  for (Block& block : blocks) {
    block.launch = &launch;
    if (!launch.counts) continue;
    for (const Function& function : launch.program->functions) {
      block.tallies.emplace_back(function.code.size());
    }
  }
  return blocks;
}

/// One block after the other, as long as any is left.
void run_in_turn(Block& block, Progress& progress, InstructionLimit& limit) {
  const Launch& launch = *block.launch;
  const std::uint64_t blocks = launch.grid.count();
  for (std::uint64_t next = progress.next++; next < blocks; next = progress.next++) {
    run_block(block, progress, limit, block_at(launch.order, next, blocks));
  }
}

/// All at once: the blocks of every so many positions from the first one on.
void run_together(std::vector<Block>& own, Progress& progress, InstructionLimit& limit,
                  std::uint64_t first, std::uint64_t step) {
  const Launch& launch = *own.front().launch;
  std::vector<Block*> running;
  for (Block& block : own) {
    const std::uint64_t position = first + running.size() * step;
    start_block(block, progress.races.get(), block_at(launch.order, position, launch.grid.count()));
    running.push_back(&block);
  }
  while (!running.empty() && !progress.has_failed) {
    std::erase_if(running, [&](Block* block) { return run_round(*block, limit); });
  }
}

/// The share of one of the host threads.
void run_blocks(const Launch& launch, Progress& progress, std::uint64_t worker,
                std::uint64_t workers) {
  const std::uint64_t blocks = launch.grid.count();
  const std::uint64_t together =
      launch.is_cooperative ? (blocks - worker + workers - 1) / workers : 1;
  std::vector<Block> own = make_blocks(launch, together);
  try {
    InstructionLimit limit(launch, progress);
    if (launch.is_cooperative) {
      run_together(own, progress, limit, worker, workers);
    } else {
      run_in_turn(own.front(), progress, limit);
    }
  } catch (...) {
    progress.next = blocks;
    progress.has_failed = true;
    const std::lock_guard lock(progress.mutex);
    if (!progress.error) progress.error = std::current_exception();
  }
  const std::lock_guard lock(progress.mutex);
  for (Block& block : own) {
    for (const Warp& warp : block.warps) progress.counters += warp.counters;
    Counters instructions;
    instructions.tallies = std::move(block.tallies);
    progress.counters += instructions;
  }
}

}  // namespace

Counters& Counters::operator+=(const Counters& other) {
  warp_instructions += other.warp_instructions;
  lane_instructions += other.lane_instructions;
  global_requests += other.global_requests;
  global_sectors += other.global_sectors;
  shared_requests += other.shared_requests;
  shared_wavefronts += other.shared_wavefronts;
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
  shared_requests += other.shared_requests;
  shared_wavefronts += other.shared_wavefronts;
  shared_passes += other.shared_passes;
  local_bytes += other.local_bytes;
  return *this;
}

Counters run_grid(const Launch& launch, int threads) {
  Progress progress;
  // One block has nobody to race with.
  if (launch.finds_races && launch.grid.count() > 1) {
    progress.races = std::make_unique<LaunchRaces>(launch.memory->races());
  }
  const auto workers =
      std::min(static_cast<std::uint64_t>(std::max(threads, 1)), launch.grid.count());
  {
    std::vector<std::jthread> others;
    for (std::uint64_t i = 1; i < workers; ++i) {
      others.emplace_back([&, i] { run_blocks(launch, progress, i, workers); });
    }
    run_blocks(launch, progress, 0, workers);
  }
  if (progress.error) std::rethrow_exception(progress.error);
  return progress.counters;
}

}  // namespace lq::emulator
