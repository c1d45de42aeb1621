// One planted fault at a time, chosen by name, and its correct twin: `faults NAME fault|correct`.
// The line that has to be reported carries the fault's name in a comment; EXPECT lines tell where
// and what, for run_faults.sh.

#include <cooperative_groups.h>

#include "check.h"
#include "planted_fault.h"

constexpr int threads = 64;

// EXPECT out_of_bounds: write of 4 bytes | out of bounds | block (1, 0, 0) | thread (36, 0, 0)
__global__ void out_of_bounds(int* out, bool fault) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (fault || i < 100) {
    out[i] = i;  // LINE out_of_bounds
  }
}

// EXPECT missing_barrier: race: | with no barrier between them | block (0, 0, 0)
__global__ void missing_barrier(int* out, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  values[i] = -1;
  __syncthreads();
  values[i] = i;
  if (!fault) __syncthreads();
  out[i] = values[threads - 1 - i];  // LINE missing_barrier
}

// EXPECT divergent_barrier: divergent barrier | block (0, 0, 0) | thread (32, 0, 0)
__global__ void divergent_barrier(int* out, bool fault) {
  const int i = threadIdx.x;
  if (!fault || i < 48) {
    __syncthreads();  // LINE divergent_barrier
  }
  out[i] = i;
}

// EXPECT deadlock: deadlock: 32 threads have come to barrier 1 | 64 expected | thread (0, 0, 0)
__global__ void deadlock(int* out, bool fault) {
  const int i = threadIdx.x;
  if (!fault || i < 32) {
    asm volatile("barrier.sync 1, 64;");  // LINE deadlock
  }
  out[i] = i;
}

// EXPECT wrong_member_mask: the member mask names lanes that do not take part | thread (0, 0, 0)
__global__ void wrong_member_mask(int* out, bool fault) {
  const int i = threadIdx.x;
  int value = i;
  if (i % 32 < 16) {
    value = __shfl_down_sync(fault ? 0xFFFFFFFF : 0x0000FFFF, value, 1);  // LINE wrong_member_mask
  }
  out[i] = value;
}

// EXPECT unwritten: read of 4 bytes | of unwritten memory | at byte 200 | thread (50, 0, 0)
__global__ void unwritten(int* out, const int* in) {
  const int i = threadIdx.x;
  out[i] = in[i];  // LINE unwritten
}

// EXPECT unwritten_shared: shared offset 128 | which no warp has written yet | thread (32, 0, 0)
__global__ void unwritten_shared(int* out, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  if (!fault || i < 32) values[i] = i;
  __syncthreads();
  out[i] = values[i];  // LINE unwritten_shared
}

// EXPECT use_after_free: write of 4 bytes | of freed memory | thread (0, 0, 0)
__global__ void use_after_free(int* out) {
  out[threadIdx.x] = 1;  // LINE use_after_free
}

// EXPECT misaligned: misaligned access of 8 bytes | thread (0, 0, 0)
__global__ void misaligned(char* out, bool fault) {
  const int i = threadIdx.x;
  *reinterpret_cast<double*>(out + 8 * i + (fault ? 4 : 0)) = 1;  // LINE misaligned
}

// EXPECT free_twice: free of | which is freed already | thread (0, 0, 0)
__global__ void free_twice(int* out, bool fault) {
  auto* const own = static_cast<int*>(malloc(16));
  own[3] = threadIdx.x;
  out[threadIdx.x] = own[3];
  free(own);
  if (fault) {
    free(own);  // LINE free_twice
  }
}

// EXPECT heap_overrun: write of 4 bytes | out of bounds | of an allocation of 12 bytes | thread (0,
// 0, 0)
__global__ void heap_overrun(int* out, bool fault) {
  auto* const own = static_cast<int*>(malloc(12));
  own[fault ? 3 : 2] = threadIdx.x;  // LINE heap_overrun
  out[threadIdx.x] = own[2];
  free(own);
}

// Two blocks write the same words.
// EXPECT write_write: race: write of 4 bytes | and a write by block (0, 0, 0) | which nothing
// orders | block (1, 0, 0) | thread (0, 0, 0)
__global__ void write_write(int* out, bool fault) {
  const int i = threadIdx.x + (fault ? 0 : blockIdx.x * blockDim.x);
  out[i] = i;  // LINE write_write
}

// Blocks read what their neighbour may not have written yet.
// EXPECT write_read: race: | by block ( | which nothing orders
__global__ void write_read(int* out, bool fault) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = i;
  out[128 + i] = out[fault ? (i + threads) % (2 * threads) : i];  // LINE write_read
}

__device__ unsigned int blocks_done;

// EXPECT missing_fence: race: read of 4 bytes | and a write by block (0, 0, 0) | which nothing
// orders | block (1, 0, 0) | thread (0, 0, 0)
__global__ void missing_fence(int* out, bool fault) {
  __shared__ bool is_last;
  if (threadIdx.x == 0) {
    out[blockIdx.x] = blockIdx.x;
    if (!fault) __threadfence();
    is_last = atomicInc(&blocks_done, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (is_last && threadIdx.x == 0) {
    out[8] = out[0] + out[1];  // LINE missing_fence
  }
}

// EXPECT plain_counter: race: read of 4 bytes | and a write by block (0, 0, 0) | which nothing
// orders | block (1, 0, 0) | thread (0, 0, 0)
__global__ void plain_counter(int* out, bool fault) {
  if (threadIdx.x != 0) return;
  if (fault) {
    const int old = out[0];  // LINE plain_counter
    out[0] = old + 1;
  } else {
    atomicAdd(out, 1);
  }
}

// EXPECT plain_histogram: race: | by block ( | which nothing orders
__global__ void plain_histogram(int* out, bool fault) {
  int* const bin = out + (blockIdx.x * 7 + threadIdx.x) % 16;
  if (!fault) {
    atomicAdd(bin, 1);
  } else if (threadIdx.x < 16) {
    ++*bin;  // LINE plain_histogram
  }
}

// An atomic of one block's scope is none for others.
// EXPECT narrow_scope: race: atomic access of 4 bytes | and a write by block (0, 0, 0) | which
// nothing orders | block (1, 0, 0) | thread (0, 0, 0)
__global__ void narrow_scope(int* out, bool fault) {
  if (fault) {
    atomicAdd_block(out, 1);  // LINE narrow_scope
  } else {
    atomicAdd(out, 1);
  }
}

// Bytes of one word belong to different blocks.
// EXPECT same_byte: race: write of 1 bytes | and a write by block (0, 0, 0) | which nothing orders
// | block (1, 0, 0) | thread (0, 0, 0)
__global__ void same_byte(char* out, bool fault) {
  if (threadIdx.x == 0) {
    out[fault ? 0 : blockIdx.x] = 1;  // LINE same_byte
  }
}

// Each block waits for the one before it and adds to what that one left.
// EXPECT chain: race: read of 4 bytes | and a write by block (0, 0, 0) | which nothing orders |
// block (1, 0, 0) | thread (0, 0, 0)
__global__ void chain(int* out, bool fault) {
  volatile int* const flags = out + 128;
  if (threadIdx.x != 0) return;
  int sum = 0;
  if (blockIdx.x > 0) {
    while (flags[blockIdx.x - 1] == 0) {
    }
    __threadfence();
    sum = out[blockIdx.x - 1];  // LINE chain
  }
  out[blockIdx.x] = sum + 1;
  if (!fault) __threadfence();
  flags[blockIdx.x] = 1;
}

// EXPECT endless: does not end | block (1, 0, 0) | thread (40, 0, 0)
__global__ void endless(int* out, bool fault) {
  volatile int* const flag = out + 128;
  if (!fault && threadIdx.x == 0) *flag = 1;
  if (blockIdx.x == 1 && threadIdx.x >= 40) {
    while (*flag == 0) {  // LINE endless
    }
  }
}

// EXPECT missing_grid_barrier: race: read of 4 bytes | and a write by block (0, 0, 0) | which
// nothing
__global__ void missing_grid_barrier(int* out, bool fault) {
  if (threadIdx.x == 0) out[blockIdx.x] = 1;
  if (!fault) cooperative_groups::this_grid().sync();
  if (threadIdx.x == 0) {
    out[64 + blockIdx.x] = out[(blockIdx.x + 3) % 4];  // LINE missing_grid_barrier
  }
}

using Function = int (*)(int);
__device__ __noinline__ int one_more(int x) { return x + 1; }
__device__ __noinline__ int sum_of(int x, int y) { return x + y; }
__device__ Function functions[2] = {one_more, nullptr};
__device__ void* any_functions[2] = {reinterpret_cast<void*>(one_more),
                                     reinterpret_cast<void*>(sum_of)};

// EXPECT wild_call: pointer: 0x0 is no device function | block (0, 0, 0) | thread (33, 0, 0)
__global__ void wild_call(int* out, bool fault) {
  const int i = threadIdx.x;
  const Function function = functions[fault && i == 33 ? 1 : 0];
  out[i] = function(i);  // LINE wild_call
}

// EXPECT wrong_call: has other parameters than the call | block (0, 0, 0) | thread (0, 0, 0)
__global__ void wrong_call(int* out, bool fault) {
  const int i = threadIdx.x;
  const auto function = reinterpret_cast<Function>(any_functions[fault ? 1 : 0]);
  out[i] = function(i);  // LINE wrong_call
}

int main(int argc, char** argv) {
  const auto [name, fault] = planted_fault(argc, argv);
  int* out = nullptr;
  int* in = nullptr;
  const bool is_out_of_bounds = name == "out_of_bounds";
  require(cudaMalloc(&out, is_out_of_bounds ? 400 : 2048), "cudaMalloc");
  require(cudaMalloc(&in, 1024), "cudaMalloc");
  if (is_out_of_bounds) out_of_bounds<<<2, threads>>>(out, fault);
  if (name == "missing_barrier") missing_barrier<<<1, threads>>>(out, fault);
  if (name == "divergent_barrier") divergent_barrier<<<1, threads>>>(out, fault);
  if (name == "deadlock") deadlock<<<1, threads>>>(out, fault);
  if (name == "wrong_member_mask") wrong_member_mask<<<1, threads>>>(out, fault);
  if (name == "unwritten") {
    require(cudaMemset(in, 1, fault ? 200 : 1024), "cudaMemset");
    unwritten<<<1, threads>>>(out, in);
  }
  if (name == "unwritten_shared") unwritten_shared<<<1, threads>>>(out, fault);
  if (name == "use_after_free") {
    if (fault) require(cudaFree(out), "cudaFree");
    use_after_free<<<1, threads>>>(out);
  }
  if (name == "misaligned") misaligned<<<1, threads>>>(reinterpret_cast<char*>(out), fault);
  if (name == "free_twice") free_twice<<<1, threads>>>(out, fault);
  if (name == "heap_overrun") heap_overrun<<<1, threads>>>(out, fault);
  if (name == "write_write") write_write<<<4, threads>>>(out, fault);
  if (name != "unwritten") require(cudaMemset(in, 0, 1024), "cudaMemset");
  if (name == "write_read") write_read<<<2, threads>>>(in, fault);
  if (name == "missing_fence") missing_fence<<<2, threads>>>(out, fault);
  if (name == "plain_counter") plain_counter<<<4, threads>>>(in, fault);
  if (name == "plain_histogram") plain_histogram<<<4, threads>>>(in, fault);
  if (name == "narrow_scope") narrow_scope<<<4, threads>>>(in, fault);
  if (name == "same_byte") same_byte<<<4, threads>>>(reinterpret_cast<char*>(in), fault);
  if (name == "chain") chain<<<4, threads>>>(in, fault);
  if (name == "endless") endless<<<2, threads>>>(in, fault);
  if (name == "missing_grid_barrier") {
    void* arguments[] = {&in, const_cast<bool*>(&fault)};
    require(cudaLaunchCooperativeKernel(missing_grid_barrier, 4, threads, arguments, 0, nullptr),
            "cudaLaunchCooperativeKernel");
  }
  if (name == "wild_call") wild_call<<<1, threads>>>(in, fault);
  if (name == "wrong_call") wrong_call<<<1, threads>>>(in, fault);
  return finish();
}
