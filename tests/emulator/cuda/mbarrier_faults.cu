// Planted faults at mbarriers, as in faults.cu.

#include "planted_fault.h"
#include "transfers.h"

constexpr int threads = 64;

// EXPECT no_init: there is no mbarrier at shared offset 0 | thread (32, 0, 0)
__global__ void no_init(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  if (!fault && threadIdx.x == 0) init_barrier(&barrier, threads);
  __syncthreads();
  arrive(&barrier);  // LINE no_init
  out[threadIdx.x] = 1;
}

// EXPECT init_race: race: atomic access of 8 bytes | and a write by warp 0 at | with no barrier
// between them | thread (32, 0, 0)
__global__ void init_race(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  if (threadIdx.x == 0) init_barrier(&barrier, threads);
  if (!fault) __syncthreads();
  __syncwarp();
  arrive(&barrier);  // LINE init_race
  out[threadIdx.x] = 1;
}

// EXPECT invalidated: there is no mbarrier at shared offset 0 | has been invalidated | thread (0,
// 0, 0)
__global__ void invalidated(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_barrier(&barrier, 1);
  if (fault) {
    invalidate(&barrier);
  }
  arrive(&barrier);  // LINE invalidated
  out[0] = 1;
}

// EXPECT init_twice: is initialized again without mbarrier.inval | thread (0, 0, 0)
__global__ void init_twice(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_barrier(&barrier, 1);
  if (!fault) {
    invalidate(&barrier);
  }
  init_barrier(&barrier, 1);  // LINE init_twice
  out[0] = 1;
}

// EXPECT written_over: the mbarrier at shared offset 0 has been written over | thread (0, 0, 0)
__global__ void written_over(int* out, bool fault) {
  __shared__ unsigned long long barrier[2];
  if (threadIdx.x != 0) return;
  init_barrier(&barrier[0], 1);
  *const_cast<volatile unsigned long long*>(&barrier[fault ? 0 : 1]) = 5;
  arrive(&barrier[0]);  // LINE written_over
  out[0] = 1;
}

// EXPECT too_many_arrivals: 5 arrivals, more than the 3 that this phase of the mbarrier still
// expects | thread (0, 0, 0)
__global__ void too_many_arrivals(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_barrier(&barrier, 3);
  arrive_as(&barrier, fault ? 5 : 3);  // LINE too_many_arrivals
  out[0] = 1;
}

// The first warp reads what the second one wrote, and does not wait for it.
// EXPECT missing_phase_wait: race: read of 4 bytes | and a write by warp 1 at | with no barrier
// between them | thread (0, 0, 0)
__global__ void missing_phase_wait(int* out, bool fault) {
  __shared__ int values[threads];
  __shared__ unsigned long long barrier;
  const int i = threadIdx.x;
  if (i == 0) init_barrier(&barrier, threads);
  __syncthreads();
  values[i] = i;
  arrive(&barrier);
  if (!fault) wait_for_parity(&barrier, 0);
  out[i] = i >= 32 ? 0 : values[threads - 1 - i];  // LINE missing_phase_wait
}

// EXPECT phase_deadlock: deadlock: nobody can run | and the phase of the mbarrier at shared offset
// 0 still expects 1 arrivals and 0 bytes | thread (0, 0, 0)
__global__ void phase_deadlock(int* out, bool fault) {
  __shared__ unsigned long long barrier;
  if (threadIdx.x == 0) init_barrier(&barrier, fault ? threads + 1 : threads);
  __syncthreads();
  arrive(&barrier);
  wait_for_parity(&barrier, 0);  // LINE phase_deadlock
  out[threadIdx.x] = 1;
}

int main(int argc, char** argv) {
  const auto [name, fault] = planted_fault(argc, argv);
  Buffer<int> out(std::vector<int>(2 * threads, 1));
  const auto run = [&](const char* own_name, auto kernel) {
    if (name == own_name) kernel<<<1, threads>>>(out.get(), fault);
  };
  run("no_init", no_init);
  run("init_race", init_race);
  run("invalidated", invalidated);
  run("init_twice", init_twice);
  run("written_over", written_over);
  run("too_many_arrivals", too_many_arrivals);
  run("missing_phase_wait", missing_phase_wait);
  run("phase_deadlock", phase_deadlock);
  return finish();
}
