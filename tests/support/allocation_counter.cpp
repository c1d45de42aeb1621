#include "tests/support/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

namespace lq::testing {

bool counts_allocations() { return false; }
long allocation_count() { return 0; }

}  // namespace lq::testing

#else

namespace {

std::atomic<long> count = 0;

void* counted(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  ++count;
  return block;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(std::malloc(bytes == 0 ? 1 : bytes)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(align, (bytes + align) / align * align));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

namespace lq::testing {

bool counts_allocations() { return true; }
long allocation_count() { return count; }

}  // namespace lq::testing

#endif
