// The caching allocator of all devices.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace lq {

/// Keeps freed blocks in bins of rounded size and hands them out again. A training step asks for
/// the same few sizes over and over; fresh pages from the system cost about as much as a pass
/// over the tensor they are for.
/// Thread-safe. Sanitizer builds switch the cache off, so that use after free is seen.
class BlockCache {
 public:
  using Allocate = std::function<void*(std::size_t bytes)>;
  using Free = std::function<void(void* block, std::size_t bytes)>;

  BlockCache(Allocate allocate, Free free, bool enabled = true);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// Uninitialised memory. When `allocate` throws, the idle blocks are returned to the system and
  /// it is asked once more.
  void* take(std::size_t bytes);
  void give_back(void* block, std::size_t bytes) noexcept;
  /// Returns every idle block to the system.
  void trim() noexcept;

  /// Bytes handed out now, and the largest value that this had since `reset_peak`.
  std::size_t bytes_in_use() const;
  std::size_t peak_bytes() const;
  void reset_peak();

  /// Size of the block that serves a request, a multiple of 64: at least 256 bytes, and at most
  /// 1/8 of the request or 64 bytes above it.
  static std::size_t rounded(std::size_t bytes);

 private:
  void* allocate_fresh(std::size_t size);
  void free_idle() noexcept;

  Allocate allocate_;
  Free free_;
  bool enabled_;
  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> idle_;
  std::size_t in_use_ = 0;
  std::size_t peak_ = 0;
};

}  // namespace lq
