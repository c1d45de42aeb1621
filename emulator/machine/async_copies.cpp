#include "emulator/machine/async_copies.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "emulator/machine/block.h"

namespace lq::emulator {
namespace {

bool complete(Warp& warp, const SmallCopy& copy, std::uint32_t tick) {
  SharedMemory& shared = warp.block->shared;
  std::memcpy(shared.data() + copy.to, copy.data.data(), copy.bytes);
  shared.end_write(warp.agent, tick, copy.to, copy.bytes);
  return copy.bytes_read == 0 || std::memcmp(copy.from, copy.data.data(), copy.bytes_read) == 0;
}

void put(const BulkCopy& copy, std::byte* to, const std::byte* from, std::uint32_t bytes) {
  if (copy.reduce == nullptr) {
    std::memcpy(to, from, bytes);
    return;
  }
  for (std::uint32_t at = 0; at < bytes; at += copy.element_bytes) copy.reduce(to + at, from + at);
}

[[noreturn]] void report_unfinished(const Block& block, const char* what, std::uint32_t place) {
  fail("{}: the block {} ends while the asynchronous copy at {} still {} its shared memory",
       kernel_text(*block.launch), index_text(block.index),
       text_of_place(*block.launch->program, place), what);
}

}  // namespace

ThreadCopies& copies_of(Warp& warp, int lane) {
  if (warp.copies.empty()) warp.copies.resize(warp_size);
  return warp.copies[static_cast<std::size_t>(lane)];
}

ChangedSource complete_small_copies(Warp& warp, int lane, std::uint32_t tick,
                                    const std::function<bool(const SmallCopy&)>& until) {
  ChangedSource changed;
  std::deque<SmallCopy>& copies = copies_of(warp, lane).small;
  for (; !copies.empty() && until(copies.front()); copies.pop_front()) {
    if (!complete(warp, copies.front(), tick)) changed = copies.front().place;
  }
  return changed;
}

void end_reading(BulkCopy& copy) {
  if (copy.has_read) return;
  copy.has_read = true;
  for (const SharedRange& range : copy.from)
    range.block->shared.end_read(range.offset, range.bytes);
}

void write_to_global(const BulkCopy& copy) {
  for (const GlobalRange& range : copy.global) {
    put(copy, range.bytes, copy.data.data() + range.at, range.size);
  }
}

ChangedSource write_to_shared(const MbarrierEvent& event) {
  BulkCopy& copy = *event.copy;
  end_reading(copy);
  for (const SharedRange& range : event.to) {
    SharedMemory& shared = range.block->shared;
    std::byte* const to = shared.data() + range.offset;
    put(copy, to, copy.data.data() + range.at, range.bytes);
    const WarpClocks& clocks = range.block->cluster->clocks;
    shared.end_write(clocks.copies(), clocks.now(clocks.copies()), range.offset, range.bytes);
  }
  const bool is_same =
      std::all_of(copy.global.begin(), copy.global.end(), [&](const GlobalRange& range) {
        return std::memcmp(range.bytes, copy.data.data() + range.at, range.size) == 0;
      });
  return is_same ? std::nullopt : ChangedSource(event.place);
}

void finish_copies(Cluster& cluster) {
  for (Block& block : cluster.blocks) {
    for (Warp& warp : block.warps) {
      for (ThreadCopies& thread : warp.copies) {
        for (const BulkCopy& copy : thread.bulk) {
          if (!copy.has_read) report_unfinished(block, "reads", copy.place);
          write_to_global(copy);
        }
      }
    }
    for (const auto& [offset, barrier] : block.mbarriers) {
      for (const MbarrierEvent& event : barrier.events) {
        if (event.copy != nullptr) report_unfinished(block, "writes to", event.place);
      }
    }
  }
}

}  // namespace lq::emulator
