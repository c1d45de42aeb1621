// Host memory that a device copies from and to while the host goes on.
#pragma once

#include <cstddef>

#include "core/device.h"

namespace lq {

/// Owns pinned memory, aligned for any element type.
class PinnedBuffer {
 public:
  /// Holds nothing yet.
  explicit PinnedBuffer(Device device) : device_(device) {}
  ~PinnedBuffer() { release(); }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;

  /// Makes room for `bytes`; what it held is lost when it has to grow. Throws Error where
  /// there is too little.
  void reserve(std::size_t bytes);

  /// Null before the first reserve().
  void* data() const { return memory_; }

 private:
  void release() noexcept;

  Device device_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace lq
