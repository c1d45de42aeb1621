#include "emulator/instructions/bulk_copy.h"

#include "emulator/instructions/mbarrier.h"
#include "emulator/instructions/memory.h"
#include "emulator/ptx/ast.h"

namespace lq::emulator {
namespace {

constexpr std::uint32_t unit = 16;  // bytes that sizes and addresses are multiples of

std::uint32_t last_of_list(const BulkIssue& issue) {
  const Slot* const slots = slots_of(issue.warp, issue.instruction);
  const Slot slot = slots[issue.instruction.list_size - 1];
  return issue.warp.lanes<std::uint16_t>(slot)[issue.lane];
}

std::uint32_t size_of(const BulkIssue& issue) {
  const std::uint32_t bytes =
      issue.warp.lanes<std::uint32_t>(issue.instruction.sources[2])[issue.lane];
  if (bytes % unit != 0) {
    fault(issue.warp, issue.instruction, issue.lane,
          fmt::format("a bulk copy of {} bytes, a multiple of {} expected", bytes, unit));
  }
  return bytes;
}

/// The address of global memory in a source.
std::uint64_t unit_address_of(const BulkIssue& issue, int source) {
  const std::uint64_t address = address_of(issue, source);
  check_aligned(issue.warp, issue.instruction, issue.lane, address, unit);
  return address;
}

void check_verdict(const BulkIssue& issue, SharedMemory::Verdict verdict, const SharedRange& range,
                   AccessKind kind) {
  if (verdict == SharedMemory::Verdict::fine) return;
  fault_shared(issue.warp, issue.instruction, issue.lane, {range.block, range.offset}, range.bytes,
               kind, verdict);
}

/// One destination of a copy, and the mbarrier that counts its bytes.
void send_to_block(const BulkIssue& issue, const std::shared_ptr<BulkCopy>& copy, Block& block,
                   const std::vector<DataPiece>& pieces, const MbarrierPlace& barrier) {
  MbarrierEvent event{.place = copy->place, .copy = copy};
  for (const DataPiece& piece : pieces) {
    const SharedRange range{&block, piece.shared, piece.bytes, piece.offset};
    check_verdict(
        issue, block.shared.begin_write(issue.warp.agent, range.offset, range.bytes, copy->place),
        range, AccessKind::write);
    event.to.push_back(range);
    event.transaction_bytes += range.bytes;
  }
  barrier.barrier->events.push_back(std::move(event));
  store_mbarrier(barrier);
}

/// Sets what a bulk copy does to its destination; true if that is a reduction.
bool set_reduction(const Instruction& instruction, BulkCopy& copy) {
  if (instruction.target == 0) return false;
  const std::string_view type = reduction_types[instruction.target & 0xFF];
  copy.reduce = reduce_element(reduction_operations[instruction.target >> 8], type);
  copy.element_bytes = static_cast<std::uint32_t>(ptx::type_bytes(type));
  return true;
}

/// Only bytes whose bit is set, of each 16, are written.
void use_masked(const BulkIssue& issue, std::uint64_t address, std::uint32_t bytes,
                std::uint32_t mask, BulkCopy& copy) {
  for (std::uint32_t at = 0; at < bytes; ++at) {
    if ((mask >> at % unit & 1) == 0) continue;
    use_global(issue, address + at, 1, at, AccessKind::write, copy);
  }
}

}  // namespace

std::uint64_t address_of(const BulkIssue& issue, int source) {
  return issue.warp.lanes<std::uint64_t>(issue.instruction.sources[source])[issue.lane];
}

SharedPlace locate(const BulkIssue& issue, Space space, int source, std::uint32_t bytes,
                   unsigned alignment) {
  const std::uint64_t address = address_of(issue, source);
  check_aligned(issue.warp, issue.instruction, issue.lane, address, alignment);
  return locate_shared(issue.warp, issue.instruction, issue.lane, space, address, bytes);
}

void use_global(const BulkIssue& issue, std::uint64_t address, std::uint32_t bytes,
                std::uint32_t at, AccessKind kind, BulkCopy& copy) {
  count_run(issue.warp, issue.instruction, address, {Space::global, kind, bytes});
  for (std::uint32_t done = 0; done < bytes;) {
    // The largest aligned access that fits.
    std::uint32_t step = unit;
    while (((address + done) & (step - 1)) != 0 || step > bytes - done) step /= 2;
    std::byte* const memory =
        global_bytes(issue.warp, issue.instruction, issue.lane, address + done, step, kind);
    if (kind == AccessKind::read) std::memcpy(copy.data.data() + at + done, memory, step);
    copy.global.push_back({memory, step, at + done});
    done += step;
  }
}

void read_shared(const BulkIssue& issue, Block& block, const std::vector<DataPiece>& pieces,
                 BulkCopy& copy) {
  for (const DataPiece& piece : pieces) {
    const SharedRange range{&block, piece.shared, piece.bytes, piece.offset};
    check_verdict(issue,
                  block.shared.begin_read(issue.warp.agent, range.offset, range.bytes, copy.place),
                  range, AccessKind::read);
    std::memcpy(copy.data.data() + range.at, block.shared.data() + range.offset, range.bytes);
    copy.from.push_back(range);
  }
}

void send_to_shared(const BulkIssue& issue, const std::shared_ptr<BulkCopy>& copy,
                    const SharedPlace& to, const std::vector<DataPiece>& pieces) {
  Warp& warp = issue.warp;
  const Instruction& instruction = issue.instruction;
  const auto find = [&](std::uint64_t address) {
    return find_mbarrier(warp, instruction, issue.lane, Space::shared_cluster, address);
  };
  const MbarrierPlace barrier = find(address_of(issue, 3));
  if ((instruction.detail & BulkDetail::multicast) == 0) {
    if (barrier.block != to.block) {
      fault(warp, instruction, issue.lane,
            "the mbarrier of a copy lies in another block than its destination");
    }
    send_to_block(issue, copy, *to.block, pieces, barrier);
    return;
  }
  std::vector<Block>& blocks = warp.block->cluster->blocks;
  const std::uint32_t ranks = last_of_list(issue);
  if (ranks == 0 || ranks >> blocks.size() != 0) {
    fault(warp, instruction, issue.lane,
          fmt::format("a mask of ranks {:#x} in a cluster of {} blocks", ranks, blocks.size()));
  }
  for (Block& block : blocks) {
    if ((ranks >> block.rank & 1) == 0) continue;
    const std::uint64_t window = (block.rank + 1) * DeviceMemory::window_bytes;
    send_to_block(issue, copy, block, pieces, find(window + barrier.offset));
  }
}

void add_to_group(const BulkIssue& issue, BulkCopy&& copy) {
  ThreadCopies& thread = copies_of(issue.warp, issue.lane);
  copy.group = thread.bulk_group;
  thread.bulk.push_back(std::move(copy));
}

void copy_bulk_to_shared(Frame& frame, const Instruction& instruction, LaneMask mask) {
  for_each_lane(mask, [&](int lane) {
    const BulkIssue issue{warp_of(frame), instruction, lane};
    const std::uint32_t bytes = size_of(issue);
    const auto copy = std::make_shared<BulkCopy>();
    copy->place = place_of(issue.warp, instruction);
    copy->data.resize(bytes);
    const SharedPlace to = locate(issue, instruction.space, 0, bytes, unit);
    if ((instruction.detail & BulkDetail::from_shared) != 0) {
      const SharedPlace from = locate(issue, Space::shared, 1, bytes, unit);
      read_shared(issue, *from.block, {{0, from.offset, bytes}}, *copy);
    } else {
      use_global(issue, unit_address_of(issue, 1), bytes, 0, AccessKind::read, *copy);
    }
    send_to_shared(issue, copy, to, {{0, to.offset, bytes}});
  });
}

void copy_bulk_to_global(Frame& frame, const Instruction& instruction, LaneMask mask) {
  for_each_lane(mask, [&](int lane) {
    const BulkIssue issue{warp_of(frame), instruction, lane};
    const std::uint32_t bytes = size_of(issue);
    BulkCopy copy{.place = place_of(issue.warp, instruction)};
    copy.data.resize(bytes);
    const SharedPlace from = locate(issue, Space::shared, 1, bytes, unit);
    read_shared(issue, *from.block, {{0, from.offset, bytes}}, copy);
    const std::uint64_t to = unit_address_of(issue, 0);
    if ((instruction.detail & BulkDetail::byte_mask) != 0) {
      use_masked(issue, to, bytes, last_of_list(issue), copy);
    } else {
      const bool reduces = set_reduction(instruction, copy);
      use_global(issue, to, bytes, 0, reduces ? AccessKind::read_and_write : AccessKind::write,
                 copy);
    }
    add_to_group(issue, std::move(copy));
  });
}

void commit_bulk_copies(Frame& frame, const Instruction&, LaneMask mask) {
  for_each_lane(mask, [&](int lane) { ++copies_of(warp_of(frame), lane).bulk_group; });
}

void wait_for_bulk_copies(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const bool only_read = (instruction.detail & BulkDetail::only_read) != 0;
  for_each_lane(mask, [&](int lane) {
    ThreadCopies& thread = copies_of(warp_of(frame), lane);
    const auto is_waited_for = [&](const BulkCopy& copy) {
      return std::uint64_t{copy.group} + instruction.target < thread.bulk_group;
    };
    for (BulkCopy& copy : thread.bulk) {
      if (is_waited_for(copy)) end_reading(copy);
    }
    while (!only_read && !thread.bulk.empty() && is_waited_for(thread.bulk.front())) {
      write_to_global(thread.bulk.front());
      thread.bulk.pop_front();
    }
  });
}

void fence_proxies(Frame& frame, const Instruction&, LaneMask) {
  const Warp& warp = warp_of(frame);
  warp.block->cluster->clocks.fence_proxies(warp.agent);
}

}  // namespace lq::emulator
