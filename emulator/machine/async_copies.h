// Copies that threads have issued and that are not complete.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "emulator/machine/warp_clocks.h"

namespace lq::emulator {

struct Block;
struct Cluster;
struct Warp;

/// cp.async: up to 16 bytes to the shared memory of the thread's own block. The bytes are those
/// that were there when it was issued, and have to be there until it is complete.
struct SmallCopy {
  std::uint64_t number = 0;  // of the thread's copies
  std::uint32_t group = 0;
  std::uint32_t place = 0;  // of the instruction
  std::uint32_t to = 0;
  std::uint8_t bytes = 0;
  std::uint8_t bytes_read = 0;  // the others are zero
  const std::byte* from = nullptr;
  std::array<std::byte, 16> data{};
};

/// Bytes of a block's shared memory, of whole words.
struct SharedRange {
  Block* block = nullptr;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t at = 0;  // in the data of the copy
};
/// Bytes of global memory, as the emulator maps it.
struct GlobalRange {
  std::byte* bytes = nullptr;
  std::uint32_t size = 0;
  std::uint32_t at = 0;  // in the data of the copy
};

/// Replaces an element in memory by what a reduction makes of it and of the copy's.
using ReduceElement = void (*)(std::byte* memory, const std::byte* value);

/// A bulk or tensor copy: its data are those that were there when it was issued.
struct BulkCopy {
  std::uint32_t group = 0;
  std::uint32_t place = 0;
  bool has_read = false;
  std::vector<std::byte> data;
  std::vector<GlobalRange> global;  // source or destination
  std::vector<SharedRange> from;    // sources in shared memory
  ReduceElement reduce = nullptr;   // null: the destination is overwritten
  std::uint32_t element_bytes = 1;  // of a reduction
};

/// What a thread has issued.
struct ThreadCopies {
  std::deque<SmallCopy> small;
  std::uint64_t next_number = 0;
  std::uint32_t group = 0;  // the one that the next commit ends
  std::deque<BulkCopy> bulk;
  std::uint32_t bulk_group = 0;
};

/// What will happen to an mbarrier without any thread doing it.
struct MbarrierEvent {
  std::uint32_t place = 0;
  // A bulk copy, which completes transactions; `copy` may have several destinations.
  std::shared_ptr<BulkCopy> copy;
  std::vector<SharedRange> to;
  std::uint32_t transaction_bytes = 0;
  // Or the arrival of a thread once its copies below this number are complete.
  Warp* warp = nullptr;
  int lane = 0;
  std::uint64_t end_number = 0;
  std::uint32_t tick = 0;  // of the warp, when it arrived
  std::shared_ptr<WarpClocks::Knowledge> knowledge;
};

/// Of a lane; threads that copy nothing have none.
ThreadCopies& copies_of(Warp& warp, int lane);

/// The place of a copy whose source has changed since it was issued, if there is one.
using ChangedSource = std::optional<std::uint32_t>;

/// Completes the oldest copies of the thread as long as `until` holds; they are writes of its warp
/// at this tick.
ChangedSource complete_small_copies(Warp& warp, int lane, std::uint32_t tick,
                                    const std::function<bool(const SmallCopy&)>& until);
/// Others may write to where the copy was read.
void end_reading(BulkCopy& copy);
/// Writes, or reduces, to the copy's ranges of global memory.
void write_to_global(const BulkCopy& copy);
/// Puts the data where the event's copy has its destinations.
ChangedSource write_to_shared(const MbarrierEvent& event);
/// Bulk and tensor copies that threads have not waited for still write to global memory when the
/// blocks end. Throws Error if one of them still uses their shared memory.
void finish_copies(Cluster& cluster);

}  // namespace lq::emulator
