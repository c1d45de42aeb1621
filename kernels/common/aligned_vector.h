// Arrays whose first element lies at the start of a cache line.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace lq::kernels {

inline constexpr std::size_t cache_line_bytes = 64;

template <typename T>
struct CacheLineAllocator {
  using value_type = T;

  CacheLineAllocator() = default;
  template <typename U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}  // NOLINT: the allocator concept wants it

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{cache_line_bytes}));
  }
  void deallocate(T* block, std::size_t) {
    ::operator delete (block, std::align_val_t{cache_line_bytes});
  }

  friend bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }
};

template <typename T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

}  // namespace lq::kernels
