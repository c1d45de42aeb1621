// Planted faults in asynchronous copies, as in faults.cu.

#include "check.h"
#include "planted_fault.h"
#include "shared_memory.h"

constexpr int threads = 64;

__device__ void copy_word(void* to, const void* from) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared_address(to)), "l"(from)
               : "memory");
}
template <int bytes>
__device__ void copy_bytes(void* to, const void* from, int bytes_read = bytes) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(to)), "l"(from),
               "n"(bytes), "r"(bytes_read)
               : "memory");
}
__device__ void commit_words() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int groups>
__device__ void wait_for_words() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
}
__device__ void wait_for_all_words() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// EXPECT missing_wait: read of 4 bytes | before the asynchronous copy at | has completed | block
// (0, 0, 0) | thread (0, 0, 0)
__global__ void missing_wait(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i], in + i);
  commit_words();
  if (!fault) wait_for_words<0>();
  out[i] = values[i];  // LINE missing_wait
}

// EXPECT wait_for_too_few: before the asynchronous copy at | has completed | thread (0, 0, 0)
__global__ void wait_for_too_few(int* out, const int* in, bool fault) {
  __shared__ int values[2][threads];
  const int i = threadIdx.x;
  copy_word(&values[0][i], in + i);
  commit_words();
  copy_word(&values[1][i], in + threads / 2 + i);
  commit_words();
  if (fault) {
    wait_for_words<1>();
  } else {
    wait_for_words<0>();
  }
  const int first = values[0][i];
  out[i] = first + values[1][i];  // LINE wait_for_too_few
}

// EXPECT missing_commit: read of 4 bytes | before the asynchronous copy at | has completed | thread
// (0, 0, 0)
__global__ void missing_commit(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i], in + i);
  if (!fault) commit_words();
  wait_for_words<0>();
  out[i] = values[i];  // LINE missing_commit
}

// The second warp reads what the first one has copied, and waited for.
// EXPECT missing_barrier: race: read of 4 bytes | and a write by warp 0 at | with no barrier
// between them | block (0, 0, 0) | thread (32, 0, 0)
__global__ void missing_barrier(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i], in + i);
  wait_for_all_words();
  if (!fault) __syncthreads();
  if (i >= 32) out[i] = values[threads - 1 - i];  // LINE missing_barrier
}

// The other way round: a barrier tells nobody that copies are complete which nobody waited for.
// EXPECT barrier_before_wait: read of 4 bytes | before the asynchronous copy at | has completed |
// thread (32, 0, 0)
__global__ void barrier_before_wait(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i], in + i);
  if (!fault) wait_for_all_words();
  __syncthreads();
  const int value = values[threads - 1 - i];  // LINE barrier_before_wait
  wait_for_all_words();
  out[i] = value;
}

// A stage is filled again while other warps still read what it held.
// EXPECT stage_in_use: race: read of 4 bytes | and a write by warp 1 at | with no barrier between
// them | thread (0, 0, 0)
__global__ void stage_in_use(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i], in + i);
  wait_for_all_words();
  __syncthreads();
  const int first = values[threads - 1 - i];  // LINE stage_in_use
  if (!fault) __syncthreads();
  copy_word(&values[i], in + threads / 2 + i);
  wait_for_all_words();
  out[i] = first + values[i];
}

// EXPECT copy_onto_read: race: write of 4 bytes | and a read by warp 1 at | with no barrier between
// them | thread (0, 0, 0)
__global__ void copy_onto_read(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  values[i] = i;
  __syncthreads();
  if (i >= 32) out[i] = values[i - 32];
  if (!fault) __syncthreads();
  if (i < 32) copy_word(&values[i], in + i);  // LINE copy_onto_read
  wait_for_all_words();
}

// EXPECT changed_source: the source of the asynchronous copy at | was written before it had
// completed | thread (0, 0, 0)
__global__ void changed_source(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i], out + i);
  if (fault) out[i] = i + 100;
  wait_for_all_words();  // LINE changed_source
  out[i] = values[i] + in[i];
}

// EXPECT write_in_flight: write of 4 bytes | before the asynchronous copy at | has completed |
// thread (0, 0, 0)
__global__ void write_in_flight(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i], in + i);
  if (!fault) wait_for_all_words();
  values[i] = 1;  // LINE write_in_flight
  wait_for_all_words();
  out[i] = values[i];
}

// EXPECT two_copies: write of 4 bytes | before the asynchronous copy at | has completed | thread
// (0, 0, 0)
__global__ void two_copies(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i], in + i);
  if (!fault) wait_for_all_words();
  copy_word(&values[i], in + i);  // LINE two_copies
  wait_for_all_words();
  out[i] = values[i];
}

// The last copy begins 8 bytes before the end of the allocation: no more than these may be read.
// EXPECT source_out_of_bounds: out of bounds: byte 504 of an allocation of 504 bytes | thread (0,
// 0, 0)
__global__ void source_out_of_bounds(int* out, const int* in, bool fault) {
  __shared__ alignas(16) int values[4];
  if (threadIdx.x != 0) return;
  copy_bytes<16>(values, in + 2 * threads - 4, fault ? 9 : 8);  // LINE source_out_of_bounds
  wait_for_all_words();
  out[0] = values[3];
}

// EXPECT misaligned_source: misaligned access of 8 bytes | thread (0, 0, 0)
__global__ void misaligned_source(int* out, const int* in, bool fault) {
  __shared__ alignas(8) int values[threads][2];
  const int i = threadIdx.x;
  copy_bytes<8>(values[i], in + 2 * (i % 32) + (fault ? 1 : 0));  // LINE misaligned_source
  wait_for_all_words();
  out[i] = values[i][0];
}

// EXPECT misaligned_target: misaligned access of 8 bytes | thread (0, 0, 0)
__global__ void misaligned_target(int* out, const int* in, bool fault) {
  __shared__ alignas(8) int values[threads][4];
  const int i = threadIdx.x;
  copy_bytes<8>(values[i] + (fault ? 1 : 0), in + 2 * (i % 32));  // LINE misaligned_target
  wait_for_all_words();
  if (!fault) out[i] = values[i][0];
}

// EXPECT target_out_of_bounds: shared offset 256 out of bounds | thread (63, 0, 0)
__global__ void target_out_of_bounds(int* out, const int* in, bool fault) {
  __shared__ int values[threads];
  const int i = threadIdx.x;
  copy_word(&values[i] + (fault ? 1 : 0), in + i);  // LINE target_out_of_bounds
  wait_for_all_words();
  if (!fault) out[i] = values[i];
}

int main(int argc, char** argv) {
  const auto [name, fault] = planted_fault(argc, argv);
  Buffer<int> out(std::vector<int>(2 * threads, 1));
  Buffer<int> in(std::vector<int>(2 * threads - 2, 2));
  const auto run = [&](const char* own_name, auto kernel) {
    if (name == own_name) kernel<<<1, threads>>>(out.get(), in.get(), fault);
  };
  run("missing_wait", missing_wait);
  run("wait_for_too_few", wait_for_too_few);
  run("missing_commit", missing_commit);
  run("missing_barrier", missing_barrier);
  run("barrier_before_wait", barrier_before_wait);
  run("stage_in_use", stage_in_use);
  run("copy_onto_read", copy_onto_read);
  run("changed_source", changed_source);
  run("write_in_flight", write_in_flight);
  run("two_copies", two_copies);
  run("source_out_of_bounds", source_out_of_bounds);
  run("misaligned_source", misaligned_source);
  run("misaligned_target", misaligned_target);
  run("target_out_of_bounds", target_out_of_bounds);
  return finish();
}
