#include "core/pinned_buffer.h"

namespace lq {

void PinnedBuffer::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return;
  release();
  memory_ = backend_.allocate_pinned(bytes);
  bytes_ = bytes;
}

void PinnedBuffer::release() noexcept {
  if (memory_ != nullptr) backend_.deallocate_pinned(memory_);
  memory_ = nullptr;
  bytes_ = 0;
}

}  // namespace lq
