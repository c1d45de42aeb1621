// Host memory that a device copies from and to while the host goes on.
#pragma once

#include <cstddef>

#include "core/device.h"

namespace lq {

/// Owns pinned memory, aligned for any element type. The backend must outlive it.
class PinnedBuffer {
 public:
  /// Holds nothing yet.
  explicit PinnedBuffer(DeviceBackend& backend) : backend_(backend) {}
  ~PinnedBuffer() { release(); }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;

  /// Makes room for `bytes`; what it held is lost when it has to grow. Throws Error where the
  /// backend has no pinned memory, or too little.
  void reserve(std::size_t bytes);

  /// Null before the first reserve().
  void* data() const { return memory_; }

 private:
  void release() noexcept;

  DeviceBackend& backend_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace lq
