// Accesses whose sectors, wavefronts and bank conflicts can be counted by hand. Each kernel is
// launched once with one warp; EXPECT lines are what its counters have to be, for run_counters.sh.

#include "check.h"
#include "shared_memory.h"
#include "transfers.h"

// EXPECT coalesced: global_requests 1, global_sectors 4, global_bytes 128
__global__ void coalesced(int* out) { out[threadIdx.x] = 1; }

// EXPECT strided: global_requests 1, global_sectors 32, global_bytes 128
__global__ void strided(int* out) { out[8 * threadIdx.x] = 1; }

// EXPECT shifted: global_requests 1, global_sectors 5, global_bytes 128
__global__ void shifted(int* out) { out[threadIdx.x + 1] = 1; }

// EXPECT one_word: global_requests 1, global_sectors 1, global_bytes 128
__global__ void one_word(int* out) { out[0] = 1; }

// EXPECT vectors: global_requests 1, global_sectors 16, global_bytes 512
__global__ void vectors(int4* out) { out[threadIdx.x] = {1, 2, 3, 4}; }

// EXPECT copy: global_requests 2, global_bytes 256, global_written_bytes 128
__global__ void copy(int* out) { out[threadIdx.x + 32] = out[threadIdx.x]; }

// 20 lanes copy 16 bytes each, without registers in between; zeros of the others are not read.
// EXPECT async_copy: global_requests 1, global_sectors 10, global_bytes 320
// EXPECT async_copy: shared_requests 1, shared_wavefronts 4, bank_conflicts 0
__global__ void async_copy(int4* out) {
  __shared__ int4 memory[32];
  const unsigned bytes = threadIdx.x < 20 ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2; cp.async.wait_all;" ::"r"(
                   shared_address(memory + threadIdx.x)),
               "l"(out + threadIdx.x), "r"(bytes)
               : "memory");
}

// A thread copies 96 bytes, from the middle of a sector on, and as many back to the start of one.
// EXPECT bulk_copy: global_requests 2, global_sectors 7, global_bytes 192
// EXPECT bulk_copy: global_written_bytes 96
__global__ void bulk_copy(int* out) {
  __shared__ alignas(16) int memory[24];
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_for_bytes(&barrier, sizeof(memory));
  copy_in(memory, out + 4, sizeof(memory), &barrier);
  wait_for_parity(&barrier, 0);
  copy_out(out, memory, sizeof(memory));
  commit_copies();
  wait_for_copies();
}

// EXPECT half_warp: global_requests 1, global_sectors 2, global_bytes 64
__global__ void half_warp(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = 1;
}

template <int stride>
__device__ void store_shared() {
  __shared__ int memory[32 * stride];
  reinterpret_cast<volatile int*>(memory)[stride * threadIdx.x] = 1;
}
// EXPECT conflict_free: shared_requests 1, shared_wavefronts 1, bank_conflicts 0
__global__ void conflict_free() { store_shared<1>(); }

// EXPECT odd_stride: shared_requests 1, shared_wavefronts 1, bank_conflicts 0
__global__ void odd_stride() { store_shared<33>(); }

// EXPECT two_way: shared_requests 1, shared_wavefronts 2, bank_conflicts 1
__global__ void two_way() { store_shared<2>(); }

// EXPECT all_in_one_bank: shared_requests 1, shared_wavefronts 32, bank_conflicts 31
__global__ void all_in_one_bank() { store_shared<32>(); }

// EXPECT broadcast: shared_requests 1, shared_wavefronts 1, bank_conflicts 0
__global__ void broadcast() {
  [[maybe_unused]] __shared__ int memory[1];
  *reinterpret_cast<volatile int*>(memory) = 1;
}

// Quarters of the warp fill the banks once each.
// EXPECT shared_vectors: shared_requests 1, shared_wavefronts 4, bank_conflicts 0
__global__ void shared_vectors() {
  __shared__ int4 memory[32];
  const unsigned address = shared_address(memory + threadIdx.x);
  asm volatile("st.shared.v4.u32 [%0], {%1, %1, %1, %1};" ::"r"(address), "r"(1) : "memory");
}

// EXPECT shared_doubles: shared_requests 1, shared_wavefronts 2, bank_conflicts 0
__global__ void shared_doubles() {
  [[maybe_unused]] __shared__ double memory[32];
  reinterpret_cast<volatile double*>(memory)[threadIdx.x] = 1;
}

// 24 lanes add to one word: an atomic each.
// EXPECT atomics: global_requests 1, global_sectors 1, atomics 24
__global__ void atomics(int* out) {
  if (threadIdx.x < 24) asm volatile("red.global.add.u32 [%0], 1;" ::"l"(out) : "memory");
}

// 3 fused operations of 32 lanes, and a product of 16 x 8 x 256 bits by the warp.
// EXPECT operations: operations 65728
__global__ void operations() {
  float x = 1;
  asm volatile("fma.rn.f32 %0, %0, %0, %0;" : "+f"(x));
  asm volatile("fma.rn.f32 %0, %0, %0, %0;" : "+f"(x));
  asm volatile("fma.rn.f32 %0, %0, %0, %0;" : "+f"(x));
  int d0 = 0, d1 = 0, d2 = 0, d3 = 0;
  const int a = 1;
  asm volatile(
      "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, "
      "{%4, %4, %4, %4}, {%4, %4}, {%0, %1, %2, %3};"
      : "+r"(d0), "+r"(d1), "+r"(d2), "+r"(d3)
      : "r"(a));
}

int main() {
  Buffer<int> out(std::vector<int>(1024));
  coalesced<<<1, 32>>>(out.get());
  strided<<<1, 32>>>(out.get());
  shifted<<<1, 32>>>(out.get());
  one_word<<<1, 32>>>(out.get());
  vectors<<<1, 32>>>(reinterpret_cast<int4*>(out.get()));
  copy<<<1, 32>>>(out.get());
  async_copy<<<1, 32>>>(reinterpret_cast<int4*>(out.get()));
  bulk_copy<<<1, 32>>>(out.get());
  half_warp<<<1, 32>>>(out.get());
  conflict_free<<<1, 32>>>();
  odd_stride<<<1, 32>>>();
  two_way<<<1, 32>>>();
  all_in_one_bank<<<1, 32>>>();
  broadcast<<<1, 32>>>();
  shared_vectors<<<1, 32>>>();
  shared_doubles<<<1, 32>>>();
  atomics<<<1, 32>>>(out.get());
  operations<<<1, 32>>>();
  return finish();
}
