#include "core/allocator.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/error.h"

namespace lq {

BlockCache::BlockCache(Allocate allocate, Free free, bool enabled)
    : allocate_(std::move(allocate)), free_(std::move(free)), enabled_(enabled) {}

BlockCache::~BlockCache() { trim(); }

std::size_t BlockCache::rounded(std::size_t bytes) {
  constexpr std::size_t smallest = 256;
  if (bytes <= smallest) return smallest;
  const std::size_t step = std::max<std::size_t>(std::bit_floor(bytes) / 8, 64);
  return (bytes + step - 1) / step * step;
}

void* BlockCache::take(std::size_t bytes) {
  check(bytes <= PTRDIFF_MAX, "out of memory: {} bytes asked for", bytes);
  const std::size_t size = rounded(bytes);
  std::lock_guard lock(mutex_);
  void* block = nullptr;
  if (auto bin = idle_.find(size); bin != idle_.end() && !bin->second.empty()) {
    block = bin->second.back();
    bin->second.pop_back();
  } else {
    block = allocate_fresh(size);
  }
  in_use_ += size;
  peak_ = std::max(peak_, in_use_);
  return block;
}

void* BlockCache::allocate_fresh(std::size_t size) {
  try {
    return allocate_(size);
  } catch (...) {
    if (idle_.empty()) throw;
    free_idle();
  }
  return allocate_(size);
}

void BlockCache::give_back(void* block, std::size_t bytes) noexcept {
  const std::size_t size = rounded(bytes);
  std::lock_guard lock(mutex_);
  in_use_ -= size;
  if (enabled_) {
    try {
      idle_[size].push_back(block);
      return;
    } catch (...) {  // no memory to remember the block: fall through and free it
    }
  }
  free_(block, size);
}

void BlockCache::trim() noexcept {
  std::lock_guard lock(mutex_);
  free_idle();
}

void BlockCache::free_idle() noexcept {
  for (auto& [size, blocks] : idle_) {
    for (void* block : blocks) free_(block, size);
  }
  idle_.clear();
}

std::size_t BlockCache::bytes_in_use() const {
  std::lock_guard lock(mutex_);
  return in_use_;
}

std::size_t BlockCache::peak_bytes() const {
  std::lock_guard lock(mutex_);
  return peak_;
}

void BlockCache::reset_peak() {
  std::lock_guard lock(mutex_);
  peak_ = in_use_;
}

}  // namespace lq
