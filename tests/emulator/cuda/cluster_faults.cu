// Planted faults in clusters of two blocks, as in faults.cu.

#include "planted_fault.h"
#include "transfers.h"

constexpr int threads = 64;

// EXPECT missing_cluster_sync: race: | and a write by warp 1 of the block with rank 1 at | with no
// barrier between them | block (0, 0, 0) | thread (32, 0, 0)
__global__ void __cluster_dims__(2, 1, 1) missing_cluster_sync(int* out, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  const unsigned rank = cluster_rank();
  values[i] = i;
  cluster_sync();
  if (rank == 1) values[i] = i + 1;
  if (!fault || rank == 1) asm volatile("barrier.cluster.arrive;" ::: "memory");
  if (!fault || rank == 1) asm volatile("barrier.cluster.wait;" ::: "memory");
  int value = 0;
  if (rank == 0) {
    for (int turn = 0; turn < (fault ? 10000 : 1); ++turn) {
      value = load_remote(address_in(&values[i], 1));  // LINE missing_cluster_sync
    }
  }
  out[threads * rank + i] = value;
  if (!fault) cluster_sync();
}

// EXPECT block_has_ended: shared offset 0 of the block with rank 1 | which has ended | block (0, 0,
// 0)
__global__ void __cluster_dims__(2, 1, 1) block_has_ended(int* out, bool fault) {
  __shared__ int value;
  const unsigned rank = cluster_rank();
  if (threadIdx.x == 0) value = 1;
  cluster_sync();
  if (fault && rank == 1) return;
  int seen = 0;
  for (int turn = 0; turn < (fault ? 10000 : 1); ++turn) {
    seen = load_remote(address_in(&value, rank ^ 1));  // LINE block_has_ended
  }
  out[threads * rank + threadIdx.x] = seen;
  cluster_sync();
}

// EXPECT cluster_deadlock: deadlock: not all threads have come to the barrier of the cluster |
// block (0, 0, 0) | thread (0, 0, 0)
__global__ void __cluster_dims__(2, 1, 1) cluster_deadlock(int* out, bool fault) {
  const unsigned rank = cluster_rank();
  if (fault && rank == 1) asm volatile("barrier.sync 1, 128;");
  asm volatile("barrier.cluster.arrive;" ::: "memory");
  asm volatile("barrier.cluster.wait;" ::: "memory");  // LINE cluster_deadlock
  out[threads * rank + threadIdx.x] = 1;
}

// EXPECT own_memory_only: shared offset 0 of the block with rank 0, in an instruction on the shared
// memory of the thread's own block | block (1, 0, 0) | thread (32, 0, 0)
__global__ void __cluster_dims__(2, 1, 1) own_memory_only(int* out, bool fault) {
  __shared__ int value;
  if (threadIdx.x == 0) value = 1;
  cluster_sync();
  const unsigned rank = cluster_rank();
  const unsigned address = address_in(&value, fault ? rank ^ 1 : rank);
  int seen;
  asm volatile("ld.shared::cta.u32 %0, [%1];" : "=r"(seen) : "r"(address));  // LINE own_memory_only
  out[threads * rank + threadIdx.x] = seen;
  cluster_sync();
}

// A relaxed arrival tells the other block of the mbarrier only behind a fence for that.
// EXPECT missing_init_fence: race: atomic access of 8 bytes at shared offset 0 of the block with
// rank 1 | and a write by warp 0 of the block with rank 1 | with no barrier between them | block
// (0, 0, 0) | thread (0, 0, 0)
__global__ void __cluster_dims__(2, 1, 1) missing_init_fence(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  const unsigned rank = cluster_rank();
  if (threadIdx.x == 0) {
    init_barrier(&barrier, 1);
    if (!fault) asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  asm volatile("barrier.cluster.arrive.relaxed;" ::: "memory");
  asm volatile("barrier.cluster.wait.acquire;" ::: "memory");
  if (threadIdx.x == 0) {
    arrive_remote(address_in(&barrier, rank ^ 1));  // LINE missing_init_fence
  }
  if (threadIdx.x == 0) wait_for_parity(&barrier, 0);
  out[threads * rank + threadIdx.x] = 1;
  cluster_sync();
}

// EXPECT no_remote_init: there is no mbarrier at shared offset 0 | block (0, 0, 0) | thread (0, 0,
// 0)
__global__ void __cluster_dims__(2, 1, 1) no_remote_init(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  const unsigned rank = cluster_rank();
  if (threadIdx.x == 0) init_barrier(&barrier, 1);
  if (!fault) cluster_sync();
  if (threadIdx.x == 0) arrive_remote(address_in(&barrier, rank ^ 1));  // LINE no_remote_init
  if (threadIdx.x == 0) wait_for_parity(&barrier, 0);
  out[threads * rank + threadIdx.x] = 1;
  cluster_sync();
}

// EXPECT relaxed_arrival: race: read of 4 bytes at byte 0 of an allocation of 512 bytes | and a
// write by block (0, 0, 0) | which nothing orders | block (1, 0, 0)
__global__ void __cluster_dims__(2, 1, 1) relaxed_arrival(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  if (threadIdx.x == 0) init_barrier(&barrier, 1);
  cluster_sync();
  if (threadIdx.x != 0) return;
  if (cluster_rank() == 1) {
    wait_for_parity(&barrier, 0);
    out[1] = out[0];  // LINE relaxed_arrival
    return;
  }
  out[0] = 5;
  const unsigned there = address_in(&barrier, 1);
  if (fault) {
    asm volatile("mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%0];" ::"r"(there)
                 : "memory");
  } else {
    arrive_remote(there);
  }
}

int main(int argc, char** argv) {
  const auto [name, fault] = planted_fault(argc, argv);
  Buffer<int> out(std::vector<int>(2 * threads, 1));
  const auto run = [&](const char* own_name, auto kernel) {
    if (name == own_name) kernel<<<2, threads>>>(out.get(), fault);
  };
  run("missing_cluster_sync", missing_cluster_sync);
  run("block_has_ended", block_has_ended);
  run("cluster_deadlock", cluster_deadlock);
  run("own_memory_only", own_memory_only);
  run("missing_init_fence", missing_init_fence);
  run("no_remote_init", no_remote_init);
  run("relaxed_arrival", relaxed_arrival);
  return finish();
}
