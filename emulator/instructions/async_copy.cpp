#include "emulator/instructions/async_copy.h"

#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

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

void read_source(Warp& warp, const Instruction& instruction, int lane, std::uint64_t address,
                 SmallCopy& copy) {
  check_aligned(warp, instruction, lane, address, copy.bytes);
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

void complete(Warp& warp, const Instruction& instruction, LaneMask mask,
              const std::function<bool(const ThreadCopies&, const SmallCopy&)>& until) {
  for_each_lane(mask, [&](int lane) {
    ThreadCopies& thread = copies_of(warp, lane);
    const std::uint32_t now = warp.block->cluster->clocks.now(warp.agent);
    check_source(warp, instruction, lane,
                 complete_small_copies(warp, lane, now,
                                       [&](const SmallCopy& copy) { return until(thread, copy); }));
  });
}

}  // namespace

void copy_small(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  const LaneAddresses to(warp, instruction);
  LaneAddresses from = to;
  std::copy_n(warp.lanes<std::uint64_t>(instruction.sources[1]), warp_size, from.values);
  const unsigned bytes = instruction.access_bytes;
  LaneMask readers = 0;
  for_each_lane(mask, [&](int lane) {
    ThreadCopies& thread = copies_of(warp, lane);
    SmallCopy copy{.number = thread.next_number++,
                   .group = thread.group,
                   .place = place_of(warp, instruction),
                   .bytes = instruction.access_bytes};
    check_aligned(warp, instruction, lane, to[lane], bytes);
    copy.to = locate_shared(warp, instruction, lane, Space::shared, to[lane], bytes).offset;
    copy.bytes_read = static_cast<std::uint8_t>(bytes_read(warp, instruction, lane));
    read_source(warp, instruction, lane, from[lane], copy);
    if (copy.bytes_read > 0) readers |= LaneMask{1} << lane;
    check_shared(warp, instruction, lane, {warp.block, copy.to}, bytes, AccessKind::write,
                 warp.block->shared.begin_write(warp.agent, copy.to, bytes, copy.place));
    thread.small.push_back(copy);
  });
  count_request(warp, instruction, from, readers, {Space::global, AccessKind::read, bytes});
  count_request(warp, instruction, to, mask, {Space::shared, AccessKind::write, bytes});
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

void check_source(const Warp& warp, const Instruction& instruction, int lane,
                  const ChangedSource& changed) {
  if (!changed) return;
  fault(warp, instruction, lane,
        fmt::format("the source of the asynchronous copy at {} was written before it had completed",
                    text_of_place(*warp.block->launch->program, *changed)));
}

}  // namespace lq::emulator
