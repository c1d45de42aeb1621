// The way from a lane's address to bytes, with all checks. Used by every instruction on memory.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/error.h"
#include "emulator/instructions/handler.h"

namespace lq::emulator {

using AccessKind = SharedMemory::Access;

/// What Instruction::detail of memory instructions says.
struct MemoryDetail {
  static constexpr std::uint16_t strong = 1;       // volatile, atomic, or with a memory order
  static constexpr std::uint16_t sign_extend = 2;  // of loads
  static constexpr std::uint16_t block_scope = 4;  // strong for the threads of one block only
  static constexpr std::uint16_t release = 8;      // a fence before the access
};

/// Throws Error that says what is wrong with an access to global memory.
[[noreturn]] void fault_global(const Warp& warp, const Instruction& instruction, int lane,
                               std::uint64_t address, unsigned bytes, AccessKind kind);
struct SharedPlace;
[[noreturn]] void fault_shared(const Warp& warp, const Instruction& instruction, int lane,
                               const SharedPlace& at, unsigned bytes, AccessKind kind,
                               SharedMemory::Verdict verdict);
[[noreturn]] void fault_bounds(const Warp& warp, const Instruction& instruction, int lane,
                               const char* space, std::uint64_t offset, unsigned bytes,
                               std::uint64_t size);
[[noreturn]] void fault_misaligned(const Warp& warp, const Instruction& instruction, int lane,
                                   std::uint64_t address, unsigned bytes);
/// Throws Error unless the address is a multiple of the bytes, which are a power of two.
inline void check_aligned(const Warp& warp, const Instruction& instruction, int lane,
                          std::uint64_t address, unsigned bytes) {
  if ((address & (bytes - 1)) != 0) [[unlikely]]
    fault_misaligned(warp, instruction, lane, address, bytes);
}

inline RaceAccess race_access(const Warp& warp, const Instruction& instruction, int lane,
                              AccessKind kind) {
  const Function& function = *warp.activations.back().function;
  const auto pc = static_cast<std::uint32_t>(&instruction - function.code.data());
  constexpr std::uint32_t most = (1U << RaceAccess::place_bits) - 1;
  return {.writes = kind != AccessKind::read,
          .strong = (instruction.detail & (MemoryDetail::strong | MemoryDetail::block_scope)) ==
                    MemoryDetail::strong,
          .place = std::min(function.first_place + pc, most),
          .thread = static_cast<std::uint32_t>(warp.index * warp_size + lane)};
}
[[noreturn]] void fault_global_race(const Warp& warp, const Instruction& instruction, int lane,
                                    std::uint64_t address, unsigned bytes, AccessKind kind,
                                    const RaceConflict& conflict);
/// Before an access of a block that is not alone. Throws Error if it races with one of another.
inline void find_global_race(Warp& warp, const Instruction& instruction, int lane,
                             std::uint64_t address, unsigned bytes, AccessKind kind) {
  BlockClock& clock = warp.block->clock;
  DeviceMemory& memory = warp.block->memory();
  const std::uint64_t offset = memory.offset_of(address);
  if ((instruction.detail & MemoryDetail::release) != 0) clock.races->fence(clock);
  const RaceAccess access = race_access(warp, instruction, lane, kind);
  const unsigned word_bytes = bytes < 4 ? ((1U << bytes) - 1) << (address & 3) : 0xF;
  const unsigned words = bytes <= 4 ? 1 : bytes / 4;
  // An aligned access lies within the words that is_known() tells of.
  bool known = memory.races().is_known(clock, offset, access);
  if (!known) {
    known = true;
    for (unsigned i = 0; i < words; ++i) {
      known = known && memory.races().is_word_known(clock, offset + 4 * i, word_bytes, access);
    }
  }
  if (!known) {
    const RaceConflict conflict =
        memory.races().access(clock, offset, words, word_bytes, access, words);
    if (conflict.found) [[unlikely]] {
      fault_global_race(warp, instruction, lane, address, bytes, kind, conflict);
    }
  }
  if (access.strong && access.writes) clock.races->release(clock, offset);
}
/// After a lane has read: a strong read may have met a release. The address is generic or global.
inline void acquire_after_read(Warp& warp, const Instruction& instruction, std::uint64_t address) {
  BlockClock& clock = warp.block->clock;
  const bool strong = (instruction.detail & MemoryDetail::strong) != 0;
  if (!strong || instruction.space == Space::shared) return;
  const DeviceMemory& memory = warp.block->memory();
  if (!memory.contains(address)) return;
  // A loop around it may wait for other clusters.
  ++warp.block->cluster->events;
  if (clock.races != nullptr) clock.races->acquire(clock, memory.offset_of(address));
}

inline std::byte* global_bytes(Warp& warp, const Instruction& instruction, int lane,
                               std::uint64_t address, unsigned bytes, AccessKind kind) {
  DeviceMemory& memory = warp.block->memory();
  const bool fine = kind == AccessKind::write ? memory.is_allocated(address, bytes)
                                              : memory.is_written(address, bytes);
  const bool passes =
      fine || (warp.block->launch->reads_unwritten && memory.is_allocated(address, bytes));
  if (!passes) [[unlikely]]
    fault_global(warp, instruction, lane, address, bytes, kind);
  if (warp.block->clock.races != nullptr) {
    find_global_race(warp, instruction, lane, address, bytes, kind);
  }
  if (kind != AccessKind::read) memory.mark(address, bytes);
  return memory.host_bytes(address);
}

/// A strong access to what lies in the shared memory of another block of the cluster: either block
/// then knows what the other one did in global memory before.
void meet_in_shared_memory(Warp& warp, Block& other);

/// Where an address of shared memory leads: to the thread's own block, or to one of its cluster.
struct SharedPlace {
  Block* block = nullptr;
  std::uint32_t offset = 0;
};
/// `address` is a generic one in the window of shared memory if `space` is that, or else one of
/// shared memory. Throws Error if it is none of a block of the cluster, out of bounds, or belongs
/// to another block while `space` names the thread's own.
SharedPlace locate_shared(Warp& warp, const Instruction& instruction, int lane, Space space,
                          std::uint64_t address, unsigned bytes);

/// Throws Error unless an access to shared memory is fine, or a read of unwritten bytes that the
/// launch lets pass.
inline void check_shared(const Warp& warp, const Instruction& instruction, int lane,
                         const SharedPlace& at, unsigned bytes, AccessKind kind,
                         SharedMemory::Verdict verdict) {
  const bool passes =
      verdict == SharedMemory::Verdict::fine ||
      (verdict == SharedMemory::Verdict::unwritten && warp.block->launch->reads_unwritten);
  if (!passes) [[unlikely]]
    fault_shared(warp, instruction, lane, at, bytes, kind, verdict);
}

inline std::byte* shared_bytes(Warp& warp, const Instruction& instruction, int lane,
                               std::uint64_t offset, unsigned bytes, AccessKind kind) {
  Block* block = warp.block;
  if (offset >= block->shared.bytes() || bytes > block->shared.bytes() - offset) [[unlikely]] {
    const Space space = instruction.space == Space::shared ? Space::shared : Space::shared_cluster;
    const SharedPlace place = locate_shared(warp, instruction, lane, space, offset, bytes);
    block = place.block;
    offset = place.offset;
  }
  SharedMemory& shared = block->shared;
  const bool strong = (instruction.detail & MemoryDetail::strong) != 0;
  if (strong && block != warp.block) [[unlikely]]
    meet_in_shared_memory(warp, *block);
  const SharedPlace at{block, static_cast<std::uint32_t>(offset)};
  check_shared(
      warp, instruction, lane, at, bytes, kind,
      shared.access(warp.agent, at.offset, bytes, kind, strong, place_of(warp, instruction)));
  return shared.data() + offset;
}

inline std::byte* local_bytes(Warp& warp, const Instruction& instruction, int lane,
                              std::uint64_t offset, unsigned bytes) {
  const Activation& top = warp.top();
  const std::uint64_t size = std::uint64_t{top.local} + top.function->local_bytes + top.stack_bytes;
  if (offset >= size || bytes > size - offset) [[unlikely]] {
    fault_bounds(warp, instruction, lane, "local", offset, bytes, size);
  }
  return warp.local_bytes(lane) + offset;
}

std::byte* param_bytes(const Warp& warp, const Instruction& instruction, int lane,
                       std::uint64_t offset, unsigned bytes, AccessKind kind);

std::byte* generic_bytes(Warp& warp, const Instruction& instruction, int lane,
                         std::uint64_t address, unsigned bytes, AccessKind kind);

/// Bytes of an access of 1, 2, 4, 8, 16 or 32 bytes, which have to be aligned to their number.
inline std::byte* checked_bytes(Warp& warp, const Instruction& instruction, int lane,
                                std::uint64_t address, unsigned bytes, AccessKind kind) {
  check_aligned(warp, instruction, lane, address, bytes);
  switch (instruction.space) {
    case Space::global:
      return global_bytes(warp, instruction, lane, address, bytes, kind);
    case Space::shared:
    case Space::shared_cluster:
      return shared_bytes(warp, instruction, lane, address, bytes, kind);
    case Space::local:
      return local_bytes(warp, instruction, lane, address, bytes);
    case Space::param:
      return param_bytes(warp, instruction, lane, address, bytes, kind);
    default:
      return generic_bytes(warp, instruction, lane, address, bytes, kind);
  }
}

/// The address that each lane gives in source 0, or in another one.
struct LaneAddresses {
  LaneAddresses(const Warp& warp, const Instruction& instruction, int source = 0) {
    if (instruction.wide_address) {
      const auto* const base = warp.lanes<std::uint64_t>(instruction.sources[source]);
      for (int lane = 0; lane < warp_size; ++lane) {
        values[lane] = base[lane] + static_cast<std::uint64_t>(instruction.offset);
      }
    } else {
      const auto* const base = warp.lanes<std::uint32_t>(instruction.sources[source]);
      for (int lane = 0; lane < warp_size; ++lane) {
        values[lane] = std::uint32_t(base[lane] + static_cast<std::uint32_t>(instruction.offset));
      }
    }
  }
  std::uint64_t operator[](int lane) const { return values[lane]; }
  alignas(64) std::uint64_t values[warp_size];
};

/// What lanes ask of memory.
struct MemoryRequest {
  Space space;
  AccessKind kind;
  unsigned bytes;  // of a lane
};

/// Adds a request of the warp to the counters, if these are wanted.
void count_request(Warp& warp, const Instruction& instruction, const LaneAddresses& addresses,
                   LaneMask mask, const MemoryRequest& request);
/// The same of a run of global memory that one thread's bulk copy accesses.
void count_run(Warp& warp, const Instruction& instruction, std::uint64_t address,
               const MemoryRequest& request);

}  // namespace lq::emulator
