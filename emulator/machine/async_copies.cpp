#include "emulator/machine/async_copies.h"

#include <cstring>

#include "emulator/machine/block.h"

namespace lq::emulator {
namespace {

/// False if the source has changed.
bool complete(Warp& warp, const SmallCopy& copy) {
  SharedMemory& shared = warp.block->shared;
  std::memcpy(shared.data() + copy.to, copy.data.data(), copy.bytes);
  shared.end_write(warp.index, copy.to, copy.bytes);
  return copy.bytes_read == 0 || std::memcmp(copy.from, copy.data.data(), copy.bytes_read) == 0;
}

}  // namespace

ThreadCopies& copies_of(Warp& warp, int lane) {
  if (warp.copies.empty()) warp.copies.resize(warp_size);
  return warp.copies[static_cast<std::size_t>(lane)];
}

ChangedSource complete_small_copies(Warp& warp, int lane,
                                    const std::function<bool(const SmallCopy&)>& until) {
  ChangedSource changed;
  std::deque<SmallCopy>& copies = copies_of(warp, lane).small;
  for (; !copies.empty() && until(copies.front()); copies.pop_front()) {
    if (!complete(warp, copies.front())) changed = copies.front().place;
  }
  return changed;
}

}  // namespace lq::emulator
