#include "emulator/instructions/cluster.h"

#include "emulator/instructions/memory_access.h"
#include "emulator/machine/meeting.h"

namespace lq::emulator {
namespace {

constexpr std::uint64_t window = DeviceMemory::window_bytes;

/// Addresses in the window that `base` begins: see locate_shared().
std::uint64_t checked_number(const Warp& warp, const Instruction& instruction, int lane,
                             std::uint64_t address, std::uint64_t base) {
  const std::uint64_t number = (address - base) / window;
  if (number > warp.block->cluster->blocks.size()) {
    fault(warp, instruction, lane,
          fmt::format("the address {:#x} is none of shared memory of the cluster", address));
  }
  return number;
}

std::uint64_t base_of(const Warp& warp, bool is_shared) {
  return is_shared ? 0 : warp.block->memory().shared_window();
}

template <typename T, bool is_shared>
void map_address(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Warp& warp = warp_of(frame);
  const std::uint64_t base = base_of(warp, is_shared);
  const T* const from = frame.lanes<T>(instruction.sources[0]);
  const auto* const ranks = frame.lanes<std::uint32_t>(instruction.sources[1]);
  T* const to = frame.lanes<T>(instruction.results[0]);
  const std::size_t blocks = warp.block->cluster->blocks.size();
  for_each_lane(mask, [&](int lane) {
    checked_number(warp, instruction, lane, from[lane], base);
    const std::uint32_t rank = ranks[lane];
    if (rank >= blocks) {
      fault(warp, instruction, lane,
            fmt::format("rank {} in a cluster of {} blocks", rank, blocks));
    }
    const std::uint64_t offset = (from[lane] - base) % window;
    to[lane] = static_cast<T>(base + (rank + 1) * window + offset);
  });
}

template <typename T, bool is_shared>
void rank_of_address(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Warp& warp = warp_of(frame);
  const T* const from = frame.lanes<T>(instruction.sources[0]);
  auto* const to = frame.lanes<std::uint32_t>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) {
    const std::uint64_t number =
        checked_number(warp, instruction, lane, from[lane], base_of(warp, is_shared));
    to[lane] = number == 0 ? warp.block->rank : static_cast<std::uint32_t>(number - 1);
  });
}

}  // namespace

void cluster_arrive(Frame& frame, const Instruction& instruction, LaneMask mask) {
  arrive_at_cluster(warp_of(frame), instruction, mask);
}

Handler map_address_handler(bool is_shared, int bytes) {
  if (is_shared) {
    return bytes == 8 ? map_address<std::uint64_t, true> : map_address<std::uint32_t, true>;
  }
  return bytes == 8 ? map_address<std::uint64_t, false> : map_address<std::uint32_t, false>;
}

Handler rank_of_address_handler(bool is_shared, int bytes) {
  if (is_shared) {
    return bytes == 8 ? rank_of_address<std::uint64_t, true> : rank_of_address<std::uint32_t, true>;
  }
  return bytes == 8 ? rank_of_address<std::uint64_t, false> : rank_of_address<std::uint32_t, false>;
}

}  // namespace lq::emulator
