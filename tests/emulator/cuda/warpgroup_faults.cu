// Planted faults in products of warpgroups, as in faults.cu.

#include "check.h"
#include "planted_fault.h"
#include "wgmma.h"

constexpr int threads = 128;
constexpr int chunks_of_row = 8;

/// 64 rows of 128 bytes, swizzled, whose elements are all alike.
struct alignas(1024) Tile {
  uint4 rows[64][chunks_of_row];
};

__device__ void fill(Tile& tile) {
  for (int i = threadIdx.x; i < 64 * chunks_of_row; i += threads) {
    tile.rows[i / chunks_of_row][i % chunks_of_row] = make_uint4(1, 2, 3, 4);
  }
  fence_proxy();
}

__device__ uint64_t descriptor_of(const Tile& tile, int stride_bytes = 1024) {
  return make_descriptor(shared_address(&tile), 16, stride_bytes, Swizzle::bytes_128);
}

__device__ int sum_of(const int (&d)[16]) {
  int sum = 0;
  for (const int value : d) sum += value;
  return sum;
}

/// Commits the products, waits for them and stores what the thread has of their sums.
__device__ void store_sum(int (&d)[16], int* out) {
  commit_products();
  wait_for_products<0>();
  keep_in_place(d);
  out[threadIdx.x] = sum_of(d);
}

// EXPECT early_result: wgmma.mma_async writes a register of this instruction | and no
// wgmma.wait_group has waited for it | block (0, 0, 0)
__global__ void early_result(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  int d[16] = {};
  fence_products();
  multiply(Bits{}, d, descriptor_of(tile), descriptor_of(tile));
  commit_products();
  if (!fault) wait_for_products<0>();
  keep_in_place(d);
  out[threadIdx.x] = sum_of(d);  // LINE early_result
}

// EXPECT open_group: wgmma.mma_async writes a register of this instruction | and no
// wgmma.wait_group has waited for it | block (0, 0, 0)
__global__ void open_group(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  int d[16] = {}, e[16] = {};
  fence_products();
  multiply(Bits{}, e, descriptor_of(tile), descriptor_of(tile));
  commit_products();
  multiply(Bits{}, d, descriptor_of(tile), descriptor_of(tile));
  commit_products();
  if (fault) {
    wait_for_products<1>();
  } else {
    wait_for_products<0>();
  }
  keep_in_place(d);
  keep_in_place(e);
  out[threadIdx.x] = sum_of(d) + sum_of(e);  // LINE open_group
}

// EXPECT far_rows: access of 16 bytes at shared offset | out of bounds | block (0, 0, 0)
__global__ void far_rows(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  int d[16] = {};
  fence_products();
  const uint64_t a = descriptor_of(tile, fault ? 2048 : 1024);
  multiply(Bits{}, d, a, descriptor_of(tile));  // LINE far_rows
  store_sum(d, out);
}

// EXPECT unfilled_tile: race: | with no barrier between them | block (0, 0, 0)
__global__ void unfilled_tile(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  fill(tile);
  if (!fault) __syncthreads();
  int d[16] = {};
  fence_products();
  multiply(Bits{}, d, descriptor_of(tile), descriptor_of(tile));  // LINE unfilled_tile
  store_sum(d, out);
}

// EXPECT no_proxy_fence: read of 16 bytes at shared offset 0 by wgmma | with no fence.proxy.async
// behind the write by warp | block (0, 0, 0)
__global__ void no_proxy_fence(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  if (threadIdx.x < chunks_of_row) tile.rows[0][threadIdx.x] = make_uint4(5, 6, 7, 8);
  if (!fault) fence_proxy();
  __syncthreads();
  int d[16] = {};
  fence_products();
  multiply(Bits{}, d, descriptor_of(tile), descriptor_of(tile));  // LINE no_proxy_fence
  store_sum(d, out);
}

// EXPECT overwritten_tile: write of 16 bytes at shared offset | which the product at | still reads
// | block (0, 0, 0)
__global__ void overwritten_tile(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  int d[16] = {};
  fence_products();
  multiply(Bits{}, d, descriptor_of(tile), descriptor_of(tile));
  commit_products();
  if (!fault) wait_for_products<0>();
  __syncthreads();
  if (threadIdx.x < chunks_of_row) {
    tile.rows[0][threadIdx.x] = make_uint4(5, 6, 7, 8);  // LINE overwritten_tile
  }
  wait_for_products<0>();
  keep_in_place(d);
  out[threadIdx.x] = sum_of(d);
}

// EXPECT missing_lanes: all 32 lanes of a warp have to run a matrix instruction, but lane 20 has
// exited or was not launched | block (0, 0, 0)
__global__ void missing_lanes(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  if (fault && threadIdx.x % 32 >= 20) return;
  int d[16] = {};
  fence_products();  // LINE missing_lanes
  multiply(Bits{}, d, descriptor_of(tile), descriptor_of(tile));
  store_sum(d, out);
}

// EXPECT no_fence: wgmma: no wgmma.fence before the warp's first product | block (0, 0, 0)
__global__ void no_fence(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  int d[16] = {};
  if (!fault) fence_products();
  multiply(Bits{}, d, descriptor_of(tile), descriptor_of(tile));  // LINE no_fence
  store_sum(d, out);
}

// EXPECT lane_descriptors: wgmma: lanes of the warp have different descriptors | block (0, 0, 0)
__global__ void lane_descriptors(int* out, bool fault) {
  __shared__ Tile tile;
  fill(tile);
  __syncthreads();
  int d[16] = {};
  fence_products();
  const uint64_t a = descriptor_of(tile) + (fault ? threadIdx.x % 2 * 2 : 0);
  multiply(Bits{}, d, a, descriptor_of(tile));  // LINE lane_descriptors
  store_sum(d, out);
}

int main(int argc, char** argv) {
  const auto [name, fault] = planted_fault(argc, argv);
  Buffer<int> out(threads);
  const auto run = [&](const char* own_name, auto kernel) {
    if (name == own_name) kernel<<<1, threads>>>(out.get(), fault);
  };
  run("early_result", early_result);
  run("open_group", open_group);
  run("far_rows", far_rows);
  run("unfilled_tile", unfilled_tile);
  run("no_proxy_fence", no_proxy_fence);
  run("overwritten_tile", overwritten_tile);
  run("missing_lanes", missing_lanes);
  run("no_fence", no_fence);
  run("lane_descriptors", lane_descriptors);
  return finish();
}
