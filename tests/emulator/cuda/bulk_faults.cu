// Planted faults in bulk and tensor copies, as in faults.cu.

#include "planted_fault.h"
#include "transfers.h"

constexpr int threads = 64;

// EXPECT missing_bulk_wait: read of 4 bytes | before the asynchronous copy at | has completed |
// thread (32, 0, 0)
__global__ void missing_bulk_wait(int* out, const int* in, bool fault) {
  __shared__ alignas(16) int values[threads];
  __shared__ unsigned long long barrier;
  if (threadIdx.x == 0) {
    init_for_bytes(&barrier, sizeof(values));
    copy_in(values, in, sizeof(values), &barrier);
  }
  __syncthreads();
  if (!fault) wait_for_parity(&barrier, 0);
  out[threadIdx.x] = values[threadIdx.x];  // LINE missing_bulk_wait
}

// Only the second warp waits: the first one need not see what has come.
// EXPECT one_warp_waits: race: read of 4 bytes | and a write by an asynchronous copy at | with no
// barrier between them | thread (0, 0, 0)
__global__ void one_warp_waits(int* out, const int* in, bool fault) {
  __shared__ alignas(16) int values[threads];
  __shared__ unsigned long long barrier;
  if (threadIdx.x == 0) {
    init_for_bytes(&barrier, sizeof(values));
    copy_in(values, in, sizeof(values), &barrier);
  }
  __syncthreads();
  if (!fault || threadIdx.x >= 32) wait_for_parity(&barrier, 0);
  out[threadIdx.x] = values[threadIdx.x];  // LINE one_warp_waits
}

// EXPECT wrong_bytes: deadlock: nobody can run | and the phase of the mbarrier at shared offset 256
// still expects 0 arrivals and 4 bytes
__global__ void wrong_bytes(int* out, const int* in, bool fault) {
  __shared__ alignas(16) struct {
    int values[threads];
    unsigned long long barrier;
  } shared;
  if (threadIdx.x == 0) {
    init_for_bytes(&shared.barrier, sizeof(shared.values) + (fault ? 4 : 0));
    copy_in(shared.values, in, sizeof(shared.values), &shared.barrier);
  }
  __syncthreads();
  wait_for_parity(&shared.barrier, 0);  // LINE wrong_bytes
  out[threadIdx.x] = shared.values[threadIdx.x];
}

// EXPECT too_few_bytes: deadlock: nobody can run | and the phase of the mbarrier at shared offset
// 256 still expects 0 arrivals and -16 bytes
__global__ void too_few_bytes(int* out, const int* in, bool fault) {
  __shared__ alignas(16) struct {
    int values[threads];
    unsigned long long barrier;
  } shared;
  if (threadIdx.x == 0) {
    init_for_bytes(&shared.barrier, sizeof(shared.values) - (fault ? 16 : 0));
    copy_in(shared.values, in, sizeof(shared.values), &shared.barrier);
  }
  __syncthreads();
  wait_for_parity(&shared.barrier, 0);  // LINE too_few_bytes
  out[threadIdx.x] = shared.values[threadIdx.x];
}

// Of two copies, one is expected: the phase is complete when that has come.
// EXPECT second_copy: read of 4 bytes | before the asynchronous copy at | has completed | thread
// (32, 0, 0)
__global__ void second_copy(int* out, const int* in, bool fault) {
  __shared__ alignas(16) int values[threads];
  __shared__ unsigned long long barrier;
  const unsigned half = sizeof(values) / 2;
  if (threadIdx.x == 0) {
    init_for_bytes(&barrier, fault ? half : 2 * half);
    copy_in(values, in, half, &barrier);
    copy_in(values + threads / 2, in, half, &barrier);
  }
  __syncthreads();
  wait_for_parity(&barrier, 0);
  out[threadIdx.x] = values[threadIdx.x];  // LINE second_copy
  wait_for_parity(&barrier, 0);
}

// Of an mbarrier in its first phase, the one before counts as complete.
// EXPECT wrong_parity: read of 4 bytes | before the asynchronous copy at | has completed | thread
// (32, 0, 0)
__global__ void wrong_parity(int* out, const int* in, bool fault) {
  __shared__ alignas(16) int values[threads];
  __shared__ unsigned long long barrier;
  if (threadIdx.x == 0) {
    init_for_bytes(&barrier, sizeof(values));
    copy_in(values, in, sizeof(values), &barrier);
  }
  __syncthreads();
  wait_for_parity(&barrier, fault ? 1 : 0);
  out[threadIdx.x] = values[threadIdx.x];  // LINE wrong_parity
}

// EXPECT write_while_loading: write of 4 bytes | before the asynchronous copy at | has completed |
// thread (0, 0, 0)
__global__ void write_while_loading(int* out, const int* in, bool fault) {
  __shared__ alignas(16) int values[threads];
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_for_bytes(&barrier, sizeof(values));
  copy_in(values, in, sizeof(values), &barrier);
  if (!fault) wait_for_parity(&barrier, 0);
  values[5] = 1;  // LINE write_while_loading
  wait_for_parity(&barrier, 0);
  out[0] = values[5];
}

// EXPECT two_copies: write of 256 bytes | before the asynchronous copy at | has completed | thread
// (0, 0, 0)
__global__ void two_copies(int* out, const int* in, bool fault) {
  __shared__ alignas(16) int values[threads];
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_for_bytes(&barrier, sizeof(values));
  copy_in(values, in, sizeof(values), &barrier);
  if (!fault) wait_for_parity(&barrier, 0);
  if (!fault) expect_bytes(&barrier, sizeof(values));
  copy_in(values, in, sizeof(values), &barrier);  // LINE two_copies
  wait_for_parity(&barrier, 1);
  out[0] = values[5];
}

// EXPECT changed_bulk_source: the source of the asynchronous copy at | was written before it had
// completed | thread (0, 0, 0)
__global__ void changed_bulk_source(int* out, const int*, bool fault) {
  __shared__ alignas(16) int values[threads];
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_for_bytes(&barrier, sizeof(values));
  copy_in(values, out, sizeof(values), &barrier);
  if (fault) out[7] = 100;
  wait_for_parity(&barrier, 0);  // LINE changed_bulk_source
  out[7] = values[0];
}

/// Where one thread's copy goes.
struct alignas(16) Landing {
  unsigned long long barrier[2];
  char data[512];
};
__device__ void begin_load(Landing& landing, unsigned bytes) {
  for (char& byte : landing.data) byte = 1;
  init_for_bytes(landing.barrier, bytes);
}
__device__ void end_load(Landing& landing, int* out) {
  wait_for_parity(landing.barrier, 0);
  out[0] = landing.data[0] + landing.data[480];
}

// EXPECT bulk_source_out_of_bounds: read of 16 bytes | out of bounds: byte 512 of an allocation of
// 512 bytes | thread (0, 0, 0)
__global__ void bulk_source_out_of_bounds(int* out, const int* in, bool fault) {
  __shared__ Landing landing;
  if (threadIdx.x != 0) return;
  const unsigned bytes = fault ? 48 : 32;
  begin_load(landing, bytes);
  copy_in(landing.data + 0, in + 120, bytes, landing.barrier);  // LINE bulk_source_out_of_bounds
  end_load(landing, out);
}

// EXPECT bulk_target_out_of_bounds: access of 48 bytes at shared offset 496 out of bounds | thread
// (0, 0, 0)
__global__ void bulk_target_out_of_bounds(int* out, const int* in, bool fault) {
  __shared__ Landing landing;
  if (threadIdx.x != 0) return;
  const unsigned bytes = fault ? 48 : 32;
  begin_load(landing, bytes);
  copy_in(landing.data + 480, in + 0, bytes, landing.barrier);  // LINE bulk_target_out_of_bounds
  end_load(landing, out);
}

// EXPECT bulk_misaligned_source: misaligned access of 16 bytes | thread (0, 0, 0)
__global__ void bulk_misaligned_source(int* out, const int* in, bool fault) {
  __shared__ Landing landing;
  if (threadIdx.x != 0) return;
  const unsigned bytes = 32;
  const int* const from = in + (fault ? 2 : 4);
  begin_load(landing, bytes);
  copy_in(landing.data, from, bytes, landing.barrier);  // LINE bulk_misaligned_source
  end_load(landing, out);
}

// EXPECT bulk_misaligned_target: misaligned access of 16 bytes | thread (0, 0, 0)
__global__ void bulk_misaligned_target(int* out, const int* in, bool fault) {
  __shared__ Landing landing;
  if (threadIdx.x != 0) return;
  const unsigned bytes = 32;
  char* const to = landing.data + (fault ? 8 : 16);
  begin_load(landing, bytes);
  copy_in(to, in, bytes, landing.barrier);  // LINE bulk_misaligned_target
  end_load(landing, out);
}

// EXPECT bulk_store_out_of_bounds: write of 16 bytes | out of bounds: byte 512 of an allocation of
// 512 bytes | thread (0, 0, 0)
__global__ void bulk_store_out_of_bounds(int* out, const int*, bool fault) {
  __shared__ alignas(16) int values[threads];
  values[threadIdx.x] = threadIdx.x;
  fence_proxy();
  __syncthreads();
  if (threadIdx.x != 0) return;
  copy_out(out + 120, values, fault ? 48 : 32);  // LINE bulk_store_out_of_bounds
  commit_copies();
  wait_for_copies();
}

// EXPECT bulk_store_misaligned: misaligned access of 16 bytes | thread (0, 0, 0)
__global__ void bulk_store_misaligned(int* out, const int*, bool fault) {
  __shared__ alignas(16) int values[threads];
  values[threadIdx.x] = threadIdx.x;
  fence_proxy();
  __syncthreads();
  if (threadIdx.x != 0) return;
  copy_out(out + (fault ? 2 : 4), values, 32);  // LINE bulk_store_misaligned
  commit_copies();
  wait_for_copies();
}

// EXPECT unwritten_bulk_source: read of 256 bytes | which no warp has written yet | thread (0, 0,
// 0)
__global__ void unwritten_bulk_source(int* out, const int*, bool fault) {
  __shared__ alignas(16) int values[threads];
  if (!fault || threadIdx.x != 9) values[threadIdx.x] = threadIdx.x;
  fence_proxy();
  __syncthreads();
  if (threadIdx.x != 0) return;
  copy_out(out, values, sizeof(values));  // LINE unwritten_bulk_source
  commit_copies();
  wait_for_copies();
}

// EXPECT bulk_size: a bulk copy of 24 bytes | thread (0, 0, 0)
__global__ void bulk_size(int* out, const int* in, bool fault) {
  __shared__ alignas(16) int values[threads];
  __shared__ unsigned long long barrier;
  const unsigned bytes = fault ? 24 : 32;
  if (threadIdx.x == 0) {
    init_for_bytes(&barrier, bytes);
    copy_in(values, in, bytes, &barrier);  // LINE bulk_size
  }
  __syncthreads();
  wait_for_parity(&barrier, 0);
  if (threadIdx.x < 6) out[threadIdx.x] = values[threadIdx.x];
}

// EXPECT missing_proxy_fence: by an asynchronous copy | with no fence.proxy.async behind the write
// by warp 0 at | thread (0, 0, 0)
__global__ void missing_proxy_fence(int* out, const int*, bool fault) {
  __shared__ alignas(16) int values[threads];
  values[threadIdx.x] = threadIdx.x;
  if (!fault) fence_proxy();
  __syncthreads();
  if (threadIdx.x != 0) return;
  copy_out(out, values, sizeof(values));  // LINE missing_proxy_fence
  commit_copies();
  wait_for_copies();
}

// EXPECT missing_read_wait: write of 4 bytes | which the asynchronous copy at | still reads |
// thread (0, 0, 0)
__global__ void missing_read_wait(int* out, const int*, bool fault) {
  __shared__ alignas(16) int values[threads];
  values[threadIdx.x] = threadIdx.x;
  fence_proxy();
  __syncthreads();
  if (threadIdx.x == 0) {
    copy_out(out, values, sizeof(values));
    commit_copies();
    if (!fault) wait_for_reads();
  }
  __syncthreads();
  values[threadIdx.x] = 2;  // LINE missing_read_wait
  if (threadIdx.x == 0) wait_for_copies();
}

// EXPECT ends_too_early: ends while the asynchronous copy at | still reads its shared memory
__global__ void ends_too_early(int* out, const int*, bool fault) {
  __shared__ alignas(16) int values[threads];
  values[threadIdx.x] = threadIdx.x;
  fence_proxy();
  __syncthreads();
  if (threadIdx.x != 0) return;
  copy_out(out, values, sizeof(values));  // LINE ends_too_early
  commit_copies();
  if (!fault) wait_for_reads();
}

// EXPECT no_tensor_map: there is no tensor map at | thread (0, 0, 0)
__global__ void no_tensor_map(int* out, const int*, bool fault,
                              const __grid_constant__ CUtensorMap map,
                              const __grid_constant__ CUtensorMap empty) {
  __shared__ alignas(128) int values[32];
  __shared__ unsigned long long barrier;
  if (threadIdx.x == 0) {
    init_for_bytes(&barrier, sizeof(values));
    load_row(values, fault ? empty : map, 0, &barrier);  // LINE no_tensor_map
    wait_for_parity(&barrier, 0);
    out[0] = values[0];
  }
}

// EXPECT misaligned_box: misaligned access of 128 bytes | thread (0, 0, 0)
__global__ void misaligned_box(int* out, const int*, bool fault,
                               const __grid_constant__ CUtensorMap map) {
  __shared__ alignas(128) int values[64];
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_for_bytes(&barrier, 128);
  load_row(values + (fault ? 16 : 0), map, 0, &barrier);  // LINE misaligned_box
  wait_for_parity(&barrier, 0);
  out[0] = values[0];
}

// EXPECT box_out_of_bounds: access of 128 bytes at shared offset 256 out of bounds | thread (0, 0,
// 0)
__global__ void box_out_of_bounds(int* out, const int*, bool fault,
                                  const __grid_constant__ CUtensorMap map) {
  __shared__ alignas(128) struct {
    int values[32];
    unsigned long long barrier[16];
  } shared;
  if (threadIdx.x != 0) return;
  init_for_bytes(shared.barrier, 128);
  load_row(shared.values + (fault ? 64 : 0), map, 0, shared.barrier);  // LINE box_out_of_bounds
  wait_for_parity(shared.barrier, 0);
  out[0] = shared.values[0];
}

// EXPECT box_in_flight: read of 4 bytes | before the asynchronous copy at | has completed | thread
// (0, 0, 0)
__global__ void box_in_flight(int* out, const int*, bool fault,
                              const __grid_constant__ CUtensorMap map) {
  __shared__ alignas(128) int values[32];
  __shared__ unsigned long long barrier;
  if (threadIdx.x != 0) return;
  init_for_bytes(&barrier, sizeof(values));
  load_row(values, map, 0, &barrier);
  if (!fault) wait_for_parity(&barrier, 0);
  out[0] = values[31];  // LINE box_in_flight
  wait_for_parity(&barrier, 0);
}

int main(int argc, char** argv) {
  const auto [name, fault] = planted_fault(argc, argv);
  Buffer<int> out(std::vector<int>(2 * threads, 1));
  Buffer<int> in(std::vector<int>(2 * threads, 2));
  const auto run = [&](const char* own_name, auto kernel) {
    if (name == own_name) kernel<<<1, threads>>>(out.get(), in.get(), fault);
  };
  run("missing_bulk_wait", missing_bulk_wait);
  run("one_warp_waits", one_warp_waits);
  run("wrong_bytes", wrong_bytes);
  run("too_few_bytes", too_few_bytes);
  run("second_copy", second_copy);
  run("wrong_parity", wrong_parity);
  run("write_while_loading", write_while_loading);
  run("two_copies", two_copies);
  run("changed_bulk_source", changed_bulk_source);
  run("bulk_source_out_of_bounds", bulk_source_out_of_bounds);
  run("bulk_target_out_of_bounds", bulk_target_out_of_bounds);
  run("bulk_misaligned_source", bulk_misaligned_source);
  run("bulk_misaligned_target", bulk_misaligned_target);
  run("bulk_store_out_of_bounds", bulk_store_out_of_bounds);
  run("bulk_store_misaligned", bulk_store_misaligned);
  run("unwritten_bulk_source", unwritten_bulk_source);
  run("bulk_size", bulk_size);
  run("missing_proxy_fence", missing_proxy_fence);
  run("missing_read_wait", missing_read_wait);
  run("ends_too_early", ends_too_early);
  const Tiling tiling{CU_TENSOR_MAP_DATA_TYPE_INT32, 1, {2 * threads}, {}, {32}};
  const CUtensorMap map = make_map(in.get(), tiling);
  const auto run_with_map = [&](const char* own_name, auto kernel, auto... others) {
    if (name == own_name) kernel<<<1, threads>>>(out.get(), in.get(), fault, map, others...);
  };
  run_with_map("no_tensor_map", no_tensor_map, CUtensorMap{});
  run_with_map("misaligned_box", misaligned_box);
  run_with_map("box_out_of_bounds", box_out_of_bounds);
  run_with_map("box_in_flight", box_in_flight);
  return finish();
}
