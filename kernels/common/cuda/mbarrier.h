// Barriers in shared memory, bulk copies that arrive there, and clusters of blocks. For *_cuda.cu
// files of compute capability 9.0 and higher.
#pragma once

#include <cstdint>

namespace lq::kernels::cuda {

/// What instructions on shared memory take as an address.
__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// This thread's accesses to shared memory come before those of bulk copies and of products of
/// warpgroups that others start when they know of it.
__device__ inline void fence_async_proxy() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ inline int cluster_rank() {
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return static_cast<int>(rank);
}

/// A barrier of all threads of the cluster that have not ended. Of what a thread wrote it tells
/// others only what Mbarrier::fence_init() is for: everything would take a fence of all memory.
__device__ inline void meet_in_cluster() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::
                   : "memory");
}

/// A barrier whose phases follow each other. One is complete when as many arrivals as it was made
/// for, and the bytes that were announced, have come.
class Mbarrier {
 public:
  /// By one thread; others use it behind fence_init() of this one and a barrier of the cluster.
  __device__ void init(int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(address()), "r"(arrivals)
                 : "memory");
  }
  static __device__ void fence_init() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }

  __device__ void arrive() {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(address()) : "memory");
  }
  /// At the one in the same place of another block of the cluster, or of this one. Tells that block
  /// nothing of what this thread wrote, which would take a fence of all memory; enough where it has
  /// only read what bulk copies of the other block overwrite, and these reads are complete.
  __device__ void arrive_at_block(int rank) {
    asm volatile(
        "{\n.reg .b32 there;\n"
        "mapa.shared::cluster.u32 there, %0, %1;\n"
        "mbarrier.arrive.shared::cluster.b64 _, [there];\n}\n" ::"r"(address()),
        "r"(rank)
        : "memory");
  }
  /// An arrival that announces bytes.
  __device__ void arrive_and_expect(int bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address()),
                 "r"(bytes)
                 : "memory");
  }
  /// Until the phase with this parity, which is the present one or the last, is complete. Phases
  /// have parities 0, 1, 0, ...; that before the first, 1, is complete. What threads of this block
  /// did before they arrived has been done.
  __device__ void wait(unsigned parity) {
    while (!is_complete(parity)) {
    }
  }

  /// Queues a copy from global memory, of a multiple of 16 bytes, to the same place in the shared
  /// memory of the cluster's first `blocks` blocks. It was announced at the barrier of each.
  template <int blocks>
  __device__ void copy_to_blocks(void* to_shared, const void* from, int bytes) {
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], [%1], %2, [%3], %4;" ::"r"(shared_address(to_shared)),
        "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(address()),
        "h"(static_cast<std::uint16_t>((1 << blocks) - 1))
        : "memory");
  }

 private:
  __device__ std::uint32_t address() const { return shared_address(&word_); }

  /// Waits a while before it says no.
  __device__ bool is_complete(unsigned parity) {
    unsigned complete;
    asm volatile(
        "{\n.reg .pred complete;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 complete, [%1], %2;\n"
        "selp.u32 %0, 1, 0, complete;\n}\n"
        : "=r"(complete)
        : "r"(address()), "r"(parity)
        : "memory");
    return complete != 0;
  }

  std::uint64_t word_;
};

}  // namespace lq::kernels::cuda
