#include "emulator/instructions/async_copy.h"

#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

Warp& warp_of(Frame& frame) { return static_cast<Warp&>(frame); }

/// How many bytes the lane wants to be read.
unsigned bytes_read(const Warp& warp, const Instruction& instruction, int lane) {
  const unsigned bytes = instruction.access_bytes;
  const Slot slot = instruction.sources[2];
  if (!is_slot(slot)) return bytes;
  if ((instruction.detail & AsyncDetail::ignores) != 0) {
    return (warp.predicate(slot) >> lane & 1) != 0 ? 0 : bytes;
  }
  const std::uint32_t wanted = warp.lanes<std::uint32_t>(slot)[lane];
  if (wanted > bytes) {
    fault(warp, instruction, lane,
          fmt::format("{} bytes to be read of a copy of {} bytes", wanted, bytes));
  }
  return wanted;
}

/// Where the lane's copy goes in shared memory.
std::uint32_t checked_offset(const Warp& warp, const Instruction& instruction, int lane,
                             std::uint64_t offset) {
  const unsigned bytes = instruction.access_bytes;
  const std::uint64_t size = warp.block->shared.bytes();
  if ((offset & (bytes - 1)) != 0) fault_misaligned(warp, instruction, lane, offset, bytes);
  if (offset >= size || bytes > size - offset) {
    fault_bounds(warp, instruction, lane, "shared", offset, bytes, size);
  }
  return static_cast<std::uint32_t>(offset);
}

void read_source(Warp& warp, const Instruction& instruction, int lane, std::uint64_t address,
                 SmallCopy& copy) {
  if ((address & (copy.bytes - 1U)) != 0) {
    fault_misaligned(warp, instruction, lane, address, copy.bytes);
  }
  if (copy.bytes_read == 0) return;
  if (copy.bytes_read == copy.bytes) {
    copy.from = global_bytes(warp, instruction, lane, address, copy.bytes, AccessKind::read);
  } else {
    for (unsigned at = copy.bytes_read; at-- > 0;) {
      copy.from = global_bytes(warp, instruction, lane, address + at, 1, AccessKind::read);
    }
  }
  std::memcpy(copy.data.data(), copy.from, copy.bytes_read);
}

/// Throws Error if the source of a copy, which the lane waited for, has changed.
void check_source(const Warp& warp, const Instruction& instruction, int lane,
                  const ChangedSource& changed) {
  if (!changed) return;
  fault(warp, instruction, lane,
        fmt::format("the source of the asynchronous copy at {} was written before it had completed",
                    text_of_place(*warp.block->launch->program, *changed)));
}

void complete(Warp& warp, const Instruction& instruction, LaneMask mask,
              const std::function<bool(const ThreadCopies&, const SmallCopy&)>& until) {
  for_each_lane(mask, [&](int lane) {
    ThreadCopies& thread = copies_of(warp, lane);
    check_source(warp, instruction, lane,
                 complete_small_copies(warp, lane,
                                       [&](const SmallCopy& copy) { return until(thread, copy); }));
  });
}

}  // namespace

void copy_small(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  const LaneAddresses to(warp, instruction);
  const auto* const from = warp.lanes<std::uint64_t>(instruction.sources[1]);
  const unsigned bytes = instruction.access_bytes;
  for_each_lane(mask, [&](int lane) {
    ThreadCopies& thread = copies_of(warp, lane);
    SmallCopy copy{.group = thread.group,
                   .place = place_of(warp, instruction),
                   .bytes = instruction.access_bytes};
    copy.to = checked_offset(warp, instruction, lane, to[lane]);
    copy.bytes_read = static_cast<std::uint8_t>(bytes_read(warp, instruction, lane));
    read_source(warp, instruction, lane, from[lane], copy);
    const auto verdict = warp.block->shared.begin_write(warp.index, copy.to, bytes, copy.place);
    if (verdict != SharedMemory::Verdict::fine) {
      fault_shared(warp, instruction, lane, copy.to, bytes, AccessKind::write, verdict);
    }
    thread.small.push_back(copy);
  });
}

void commit_small_copies(Frame& frame, const Instruction&, LaneMask mask) {
  for_each_lane(mask, [&](int lane) { ++copies_of(warp_of(frame), lane).group; });
}

void wait_for_small_copies(Frame& frame, const Instruction& instruction, LaneMask mask) {
  complete(warp_of(frame), instruction, mask,
           [&](const ThreadCopies& thread, const SmallCopy& copy) {
             return std::uint64_t{copy.group} + instruction.target < thread.group;
           });
}

void wait_for_all_small_copies(Frame& frame, const Instruction& instruction, LaneMask mask) {
  complete(warp_of(frame), instruction, mask,
           [](const ThreadCopies&, const SmallCopy&) { return true; });
}

}  // namespace lq::emulator
