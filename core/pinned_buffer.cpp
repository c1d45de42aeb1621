#include "core/pinned_buffer.h"

namespace lq {

void PinnedBuffer::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return;
  release();
  memory_ = device_backend(device_.type).allocate_pinned(device_.index, bytes);
  bytes_ = bytes;
}

void PinnedBuffer::release() noexcept {
  if (memory_ != nullptr) {
    device_backend(device_.type).deallocate_pinned(device_.index, memory_);
  }
  memory_ = nullptr;
  bytes_ = 0;
}

}  // namespace lq
