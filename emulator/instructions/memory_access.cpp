#include "emulator/instructions/memory_access.h"

#include <algorithm>
#include <array>
#include <optional>

#include "emulator/instructions/warpgroup.h"

namespace lq::emulator {
namespace {

const char* verb(AccessKind kind) {
  switch (kind) {
    case AccessKind::read:
      return "read";
    case AccessKind::write:
      return "write";
    default:
      return "atomic access";
  }
}

std::string described(const DeviceMemory::Allocation& allocation) {
  if (!allocation.name.empty()) {
    return fmt::format("variable {} of {} bytes", allocation.name, allocation.bytes);
  }
  return fmt::format("allocation of {} bytes", allocation.bytes);
}

}  // namespace

void fault_global(const Warp& warp, const Instruction& instruction, int lane, std::uint64_t address,
                  unsigned bytes, AccessKind kind) {
  const DeviceMemory& memory = warp.block->memory();
  const auto found = memory.contains(address) ? memory.find(address) : std::nullopt;
  std::string message = fmt::format("{} of {} bytes at {:#x}", verb(kind), bytes, address);
  if (!found) {
    message += " outside of any allocation";
  } else if (const std::uint64_t offset = address - found->address;
             offset + bytes <= found->bytes) {
    message += fmt::format(" of {} memory, at byte {} of an {}",
                           found->freed ? "freed" : "unwritten", offset, described(*found));
  } else {
    message += fmt::format(" out of bounds: byte {} of an {}{}", offset, described(*found),
                           found->freed ? ", which is freed" : "");
  }
  fault(warp, instruction, lane, message);
}

void fault_global_race(const Warp& warp, const Instruction& instruction, int lane,
                       std::uint64_t address, unsigned bytes, AccessKind kind,
                       const RaceConflict& conflict) {
  const Launch& launch = *warp.block->launch;
  const std::vector<Function>& functions = launch.program->functions;
  const auto after = std::upper_bound(
      functions.begin() + 1, functions.end(), conflict.place,
      [](std::uint32_t place, const Function& function) { return place < function.first_place; });
  const Function& function = *std::prev(after);
  const auto found = launch.memory->find(address);
  fault(warp, instruction, lane,
        fmt::format(
            "race: {} of {} bytes at byte {} of an {}, and a {} by block {}, thread {}, at {}, "
            "which nothing orders",
            verb(kind), bytes, found ? address - found->address : 0,
            found ? described(*found) : "unknown allocation", conflict.wrote ? "write" : "read",
            index_text(launch.grid.index_of(conflict.block)),
            index_text(launch.block.index_of(conflict.thread)),
            source_text(*launch.program, function, conflict.place - function.first_place)));
}

namespace {

bool overlap(const SharedPlace& at, unsigned bytes, std::uint32_t offset, std::uint32_t size) {
  return offset < at.offset + bytes && at.offset < offset + size;
}

/// The place of the cluster's copy that reads these bytes of shared memory, if there is one.
std::optional<std::uint32_t> place_of_reading_copy(const SharedPlace& at, unsigned bytes) {
  const auto reads = [&](const BulkCopy& copy) {
    return !copy.has_read &&
           std::any_of(copy.from.begin(), copy.from.end(), [&](const SharedRange& range) {
             return range.block == at.block && overlap(at, bytes, range.offset, range.bytes);
           });
  };
  for (const Block& block : at.block->cluster->blocks) {
    for (const Warp& warp : block.warps) {
      for (const ThreadCopies& thread : warp.copies) {
        const auto found = std::find_if(thread.bulk.begin(), thread.bulk.end(), reads);
        if (found != thread.bulk.end()) return found->place;
      }
    }
    for (const auto& [offset, barrier] : block.mbarriers) {
      for (const MbarrierEvent& event : barrier.events) {
        if (event.copy != nullptr && reads(*event.copy)) return event.place;
      }
    }
  }
  return std::nullopt;
}

/// The copy or product that reads these bytes of shared memory.
std::string reader_of(const SharedPlace& at, unsigned bytes) {
  const Program& program = *at.block->launch->program;
  if (const auto place = place_of_reading_copy(at, bytes)) {
    return "the asynchronous copy at " + text_of_place(program, *place);
  }
  for (const Warp& warp : at.block->warps) {
    for (const WarpgroupState::Read& read : warp.warpgroup.reads) {
      if (overlap(at, bytes, read.offset, WarpgroupState::read_bytes)) {
        return "the product at " + text_of_place(program, read.place);
      }
    }
  }
  return "an instruction";
}

std::string agent_text(const Cluster& cluster, int agent) {
  if (agent == cluster.clocks.copies()) return "an asynchronous copy";
  const auto warps = static_cast<int>(cluster.blocks.front().warps.size());
  if (cluster.blocks.size() == 1) return fmt::format("warp {}", agent);
  return fmt::format("warp {} of the block with rank {}", agent % warps, agent / warps);
}

}  // namespace

void fault_shared(const Warp& warp, const Instruction& instruction, int lane, const SharedPlace& at,
                  unsigned bytes, AccessKind kind, SharedMemory::Verdict verdict) {
  const Cluster& cluster = *warp.block->cluster;
  const std::string access = fmt::format(
      "{} of {} bytes at shared offset {}{}", verb(kind), bytes, at.offset,
      at.block == warp.block ? "" : fmt::format(" of the block with rank {}", at.block->rank));
  const SharedMemory& shared = at.block->shared;
  const auto other_line = [&] {
    return text_of_place(*cluster.launch->program, shared.other_place());
  };
  switch (verdict) {
    case SharedMemory::Verdict::unwritten:
      fault(warp, instruction, lane, access + ", which no warp has written yet");
    case SharedMemory::Verdict::in_flight:
      fault(
          warp, instruction, lane,
          fmt::format("{} before the asynchronous copy at {} has completed", access, other_line()));
    case SharedMemory::Verdict::being_read:
      fault(warp, instruction, lane,
            fmt::format("{}, which {} still reads", access, reader_of(at, bytes)));
    case SharedMemory::Verdict::not_fenced:
      fault(
          warp, instruction, lane,
          fmt::format("{} by {}, with no fence.proxy.async behind the write by {} at {}", access,
                      instruction.handler == multiply_warpgroup ? "wgmma" : "an asynchronous copy",
                      agent_text(cluster, shared.other_agent()), other_line()));
    default:
      break;
  }
  const char* const other = verdict == SharedMemory::Verdict::race_with_write ? "write" : "read";
  fault(warp, instruction, lane,
        fmt::format("race: {} and a {} by {} at {} with no barrier between them", access, other,
                    agent_text(cluster, shared.other_agent()), other_line()));
}

void meet_in_shared_memory(Warp& warp, Block& other) {
  LaunchRaces* const races = warp.block->clock.races;
  if (races != nullptr && &other != warp.block) races->meet({&warp.block->clock, &other.clock});
}

SharedPlace locate_shared(Warp& warp, const Instruction& instruction, int lane, Space space,
                          std::uint64_t address, unsigned bytes) {
  Cluster& cluster = *warp.block->cluster;
  if (space == Space::generic) {
    const std::uint64_t window = warp.block->memory().shared_window();
    if (address - window >= DeviceMemory::shared_window_bytes) {
      fault(warp, instruction, lane,
            fmt::format("the address {:#x} is none of shared memory", address));
    }
    address -= window;
  }
  // The number behind the rank; 0: the thread's own block.
  const std::uint64_t number = address / DeviceMemory::window_bytes;
  const std::uint64_t offset = address % DeviceMemory::window_bytes;
  if (number > cluster.blocks.size()) {
    fault_bounds(warp, instruction, lane, "shared", address, bytes, warp.block->shared.bytes());
  }
  Block& block = number == 0 ? *warp.block : cluster.blocks[number - 1];
  if (space == Space::shared && &block != warp.block) {
    fault(warp, instruction, lane,
          fmt::format("shared offset {} of the block with rank {}, in an instruction on the shared "
                      "memory of the thread's own block",
                      offset, block.rank));
  }
  if (block.live_threads == 0) {
    fault(warp, instruction, lane,
          fmt::format("shared offset {} of the block with rank {}, which has ended", offset,
                      block.rank));
  }
  if (offset >= block.shared.bytes() || bytes > block.shared.bytes() - offset) {
    fault_bounds(warp, instruction, lane, "shared", offset, bytes, block.shared.bytes());
  }
  return {&block, static_cast<std::uint32_t>(offset)};
}

void fault_bounds(const Warp& warp, const Instruction& instruction, int lane, const char* space,
                  std::uint64_t offset, unsigned bytes, std::uint64_t size) {
  fault(warp, instruction, lane,
        fmt::format("access of {} bytes at {} offset {} out of bounds: there are {} bytes", bytes,
                    space, offset, size));
}

void fault_misaligned(const Warp& warp, const Instruction& instruction, int lane,
                      std::uint64_t address, unsigned bytes) {
  fault(warp, instruction, lane,
        fmt::format("misaligned access of {} bytes at {:#x}", bytes, address));
}

std::byte* param_bytes(const Warp& warp, const Instruction& instruction, int lane,
                       std::uint64_t offset, unsigned bytes, AccessKind kind) {
  const std::vector<std::byte>& arguments = warp.block->launch->arguments;
  if (offset >= arguments.size() || bytes > arguments.size() - offset) {
    fault_bounds(warp, instruction, lane, "parameter", offset, bytes, arguments.size());
  }
  if (kind != AccessKind::read) fault(warp, instruction, lane, "write to a kernel parameter");
  return const_cast<std::byte*>(arguments.data()) + offset;
}

namespace {

/// Told by the window that a generic address lies in.
Space space_of(const DeviceMemory& memory, std::uint64_t address) {
  const auto is_in = [&](std::uint64_t window) {
    return address - window < DeviceMemory::window_bytes;
  };
  if (address - memory.shared_window() < DeviceMemory::shared_window_bytes) return Space::shared;
  if (is_in(memory.local_window())) return Space::local;
  return is_in(memory.param_window()) ? Space::param : Space::global;
}

}  // namespace

std::byte* generic_bytes(Warp& warp, const Instruction& instruction, int lane,
                         std::uint64_t address, unsigned bytes, AccessKind kind) {
  const DeviceMemory& memory = warp.block->memory();
  switch (space_of(memory, address)) {
    case Space::shared:
      return shared_bytes(warp, instruction, lane, address - memory.shared_window(), bytes, kind);
    case Space::local:
      return local_bytes(warp, instruction, lane, address - memory.local_window(), bytes);
    case Space::param:
      return param_bytes(warp, instruction, lane, address - memory.param_window(), bytes, kind);
    default:
      return global_bytes(warp, instruction, lane, address, bytes, kind);
  }
}

namespace {

constexpr unsigned sector = 32;

void add_tally(Warp& warp, const Instruction& instruction, const Tally& tally) {
  const Function& function = *warp.activations.back().function;
  warp.block
      ->tallies[function.index][static_cast<std::size_t>(&instruction - function.code.data())] +=
      tally;
  warp.counters.global_sectors += tally.global_sectors;
}

void count_global(Tally& tally, const LaneAddresses& addresses, LaneMask mask, unsigned bytes) {
  std::array<std::uint64_t, warp_size> sectors{};
  std::size_t count = 0;
  for_each_lane(mask, [&](int lane) { sectors[count++] = addresses[lane] / sector; });
  const auto end = sectors.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(sectors.begin(), end);
  ++tally.global_requests;
  tally.global_sectors +=
      static_cast<std::uint64_t>(std::unique(sectors.begin(), end) - sectors.begin());
  tally.global_bytes += count * bytes;
}

/// Lanes that ask for different words of one bank wait for each other. Wide accesses go in halves
/// or quarters of the warp, whose lanes fill the banks once each.
void count_shared(Tally& tally, const LaneAddresses& addresses, LaneMask mask, unsigned bytes) {
  constexpr unsigned banks = 32;
  const int lanes_per_pass = bytes <= 4 ? warp_size : static_cast<int>(banks * 4 / bytes);
  ++tally.shared_requests;
  for (int first = 0; first < warp_size; first += lanes_per_pass) {
    std::array<std::array<std::uint64_t, warp_size>, banks> words{};
    std::array<unsigned, banks> counts{};
    for (int lane = first; lane < std::min(warp_size, first + lanes_per_pass); ++lane) {
      if ((mask >> lane & 1) == 0) continue;
      for (unsigned part = 0; part < (bytes + 3) / 4; ++part) {
        const std::uint64_t word = addresses[lane] / 4 + part;
        auto& asked = words[word % banks];
        unsigned& count = counts[word % banks];
        if (std::find(asked.begin(), asked.begin() + count, word) == asked.begin() + count &&
            count < warp_size) {
          asked[count++] = word;
        }
      }
    }
    const unsigned wavefronts = *std::max_element(counts.begin(), counts.end());
    tally.shared_wavefronts += wavefronts;
    tally.shared_passes += wavefronts > 0 ? 1 : 0;
  }
}

}  // namespace

void count_request(Warp& warp, const Instruction& instruction, const LaneAddresses& addresses,
                   LaneMask mask, const MemoryRequest& request) {
  if (!warp.block->launch->counts || mask == 0) return;
  Tally tally;
  const Space space = request.space == Space::generic
                          ? space_of(warp.block->memory(), addresses[std::countr_zero(mask)])
                          : request.space;
  switch (space) {
    case Space::global:
      count_global(tally, addresses, mask, request.bytes);
      if (request.kind != AccessKind::read) tally.global_written_bytes = tally.global_bytes;
      break;
    case Space::shared:
    case Space::shared_cluster:
      count_shared(tally, addresses, mask, request.bytes);
      break;
    case Space::local:
      tally.local_bytes = static_cast<std::uint64_t>(std::popcount(mask)) * request.bytes;
      break;
    default:
      break;
  }
  add_tally(warp, instruction, tally);
}

void count_run(Warp& warp, const Instruction& instruction, std::uint64_t address,
               const MemoryRequest& request) {
  if (!warp.block->launch->counts || request.bytes == 0) return;
  Tally tally;
  tally.global_requests = 1;
  tally.global_sectors = (address + request.bytes - 1) / sector - address / sector + 1;
  tally.global_bytes = request.bytes;
  if (request.kind != AccessKind::read) tally.global_written_bytes = request.bytes;
  add_tally(warp, instruction, tally);
}

}  // namespace lq::emulator
