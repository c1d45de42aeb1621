// Copies from global into shared memory that go on while a warp computes. For *_cuda.cu files.
#pragma once

#include <cstdint>

namespace lq::kernels::cuda {

/// Copies 4, 8 or 16 bytes, or writes zeros and reads nothing. Both sides are aligned to as many
/// bytes. The copy belongs to the next commit_copies(); before compute capability 8.0 it is
/// complete on return.
template <int bytes>
__device__ inline void copy_async(void* to_shared, const void* from, bool is_there) {
  static_assert(bytes == 4 || bytes == 8 || bytes == 16);
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  const auto to = static_cast<std::uint32_t>(__cvta_generic_to_shared(to_shared));
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(from), "n"(bytes),
               "r"(is_there ? bytes : 0)
               : "memory");
#else
  if constexpr (bytes == 4) {
    *static_cast<unsigned*>(to_shared) = is_there ? *static_cast<const unsigned*>(from) : 0;
  } else if constexpr (bytes == 8) {
    *static_cast<uint2*>(to_shared) =
        is_there ? *static_cast<const uint2*>(from) : make_uint2(0, 0);
  } else {
    *static_cast<uint4*>(to_shared) =
        is_there ? *static_cast<const uint4*>(from) : make_uint4(0, 0, 0, 0);
  }
#endif
}

/// Makes a group of this thread's copies since the last one.
__device__ inline void commit_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits until no more than the last `pending` groups of this thread are under way. What other
/// threads have copied is there behind a barrier after their own wait.
template <int pending>
__device__ inline void wait_for_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

}  // namespace lq::kernels::cuda
