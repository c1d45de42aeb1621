// Tensor copies, barriers and clusters as libcu++ and cooperative groups write them, against loops
// of the host.

#include <cooperative_groups.h>

#include <cuda/barrier>
#include <cuda/ptx>

#include "transfers.h"

namespace cg = cooperative_groups;
namespace ptx = cuda::ptx;
using BlockBarrier = cuda::barrier<cuda::thread_scope_block>;

constexpr int rows = 32;
constexpr int columns = 32;

/// A tile comes in, and goes out transposed.
__global__ void transpose_tile(const __grid_constant__ CUtensorMap in,
                               const __grid_constant__ CUtensorMap out, int x, int y) {
  __shared__ alignas(128) float tile[rows][columns];
  __shared__ alignas(128) float result[columns][rows];
#pragma nv_diag_suppress static_var_with_dynamic_init
  __shared__ BlockBarrier barrier;
  if (threadIdx.x == 0) {
    init(&barrier, blockDim.x);
    ptx::fence_proxy_async(ptx::space_shared);
  }
  __syncthreads();
  BlockBarrier::arrival_token token;
  if (threadIdx.x == 0) {
    const int from[2] = {x, y};
    ptx::cp_async_bulk_tensor(ptx::space_cluster, ptx::space_global, tile, &in, from,
                              cuda::device::barrier_native_handle(barrier));
    token = cuda::device::barrier_arrive_tx(barrier, 1, sizeof(tile));
  } else {
    token = barrier.arrive();
  }
  barrier.wait(std::move(token));
  for (int at = threadIdx.x; at < rows * columns; at += blockDim.x) {
    result[at % columns][at / columns] = tile[at / columns][at % columns];
  }
  ptx::fence_proxy_async(ptx::space_shared);
  __syncthreads();
  if (threadIdx.x != 0) return;
  const int to[2] = {y, x};
  ptx::cp_async_bulk_tensor(ptx::space_global, ptx::space_shared, &out, to, result);
  ptx::cp_async_bulk_commit_group();
  ptx::cp_async_bulk_wait_group_read(ptx::n32_t<0>());
  barrier.~BlockBarrier();
}

/// A histogram whose bins are spread over the blocks of a cluster.
__global__ void __cluster_dims__(4, 1, 1)
    cluster_histogram(const unsigned* in, int count, unsigned* out) {
  constexpr int bins_of_block = 16;
  __shared__ unsigned bins[bins_of_block];
  const auto cluster = cg::this_cluster();
  if (threadIdx.x < bins_of_block) bins[threadIdx.x] = 0;
  cluster.sync();
  for (unsigned i = cluster.thread_rank(); i < count; i += cluster.num_threads()) {
    const unsigned bin = in[i] % (bins_of_block * cluster.num_blocks());
    atomicAdd(cluster.map_shared_rank(bins, bin / bins_of_block) + bin % bins_of_block, 1);
  }
  cluster.sync();
  if (threadIdx.x < bins_of_block) {
    out[bins_of_block * cluster.block_rank() + threadIdx.x] = bins[threadIdx.x];
  }
}

/// Pointers to a block's own shared memory mean the same in the others.
__global__ void __cluster_dims__(2, 1, 1) pass_pointers(int* out) {
  __shared__ int value;
  __shared__ int* inbox;
  const auto cluster = cg::this_cluster();
  const unsigned other = cluster.block_rank() ^ 1;
  if (threadIdx.x == 0) value = 100 + cluster.block_rank();
  cluster.sync();
  if (threadIdx.x == 0) *cluster.map_shared_rank(&inbox, other) = &value;
  cluster.sync();
  if (threadIdx.x == 0) {
    out[cluster.block_rank()] = *inbox + 1000 * cluster.query_shared_rank(inbox);
  }
  cluster.sync();
}

__global__ void tell_ranks(unsigned* out) {
  const auto cluster = cg::this_cluster();
  out[blockIdx.x] = 100 * cluster.num_blocks() + cluster.block_rank();
}
__global__ void __cluster_dims__(2, 1, 1) tell_ranks_of_pairs(unsigned* out) {
  const auto cluster = cg::this_cluster();
  out[blockIdx.x] = 100 * cluster.num_blocks() + cluster.block_rank();
}

constexpr unsigned blocks = 32;

/// Launches whose clusters are told by an attribute.
void check_launches() {
  Buffer<unsigned> out(blocks);
  const auto launch = [&](auto kernel, unsigned width, unsigned grid = blocks) {
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim = {width, 1, 1};
    cudaLaunchConfig_t configuration{};
    configuration.gridDim = grid;
    configuration.blockDim = 32;
    configuration.attrs = &attribute;
    configuration.numAttrs = 1;
    return cudaLaunchKernelEx(&configuration, kernel, out.get());
  };
  const auto holds_ranks_in = [&](unsigned width) {
    std::vector<unsigned> expected(blocks);
    for (unsigned block = 0; block < blocks; ++block) expected[block] = 100 * width + block % width;
    return out.download() == expected;
  };
  require(launch(tell_ranks, 8), "cudaLaunchKernelEx");
  expect(holds_ranks_in(8), "clusters of eight blocks by an attribute");
  require(launch(tell_ranks, 1), "cudaLaunchKernelEx");
  expect(holds_ranks_in(1), "clusters of one block by an attribute");
  require(launch(tell_ranks_of_pairs, 2), "cudaLaunchKernelEx");
  expect(holds_ranks_in(2), "an attribute that says what the kernel says");

  expect(launch(tell_ranks_of_pairs, 4) == cudaErrorInvalidClusterSize, "not the kernel's cluster");
  expect(launch(tell_ranks, 4, 30) == cudaErrorInvalidClusterSize, "a cluster in parts");
  expect(launch(tell_ranks, 0) == cudaErrorInvalidClusterSize, "an empty cluster");
  expect(launch(tell_ranks, 16) == cudaErrorInvalidClusterSize, "a cluster of 16 blocks");
  int most = 0;
  cudaLaunchConfig_t configuration{};
  require(cudaOccupancyMaxPotentialClusterSize(&most, tell_ranks, &configuration),
          "cudaOccupancyMaxPotentialClusterSize");
  expect(most == 8, "the largest cluster");
  require(cudaFuncSetAttribute(tell_ranks, cudaFuncAttributeNonPortableClusterSizeAllowed, 1),
          "cudaFuncSetAttribute");
  require(cudaOccupancyMaxPotentialClusterSize(&most, tell_ranks, &configuration),
          "cudaOccupancyMaxPotentialClusterSize");
  expect(most == 16, "the largest cluster, where that is allowed");
  require(launch(tell_ranks, 16), "cudaLaunchKernelEx");
  expect(holds_ranks_in(16), "clusters of 16 blocks");
  cudaFuncAttributes attributes;
  require(cudaFuncGetAttributes(&attributes, tell_ranks_of_pairs), "cudaFuncGetAttributes");
  expect(attributes.requiredClusterWidth == 2 && attributes.requiredClusterHeight == 1,
         "the cluster that a kernel requires");
  cudaGetLastError();
}

int main() {
  check_launches();
  constexpr int width = 96;
  constexpr int height = 64;
  std::vector<float> in(width * height);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i);
  Buffer<float> from(in);
  Buffer<float> to(std::vector<float>(width * height, -1.0F));
  const CUtensorMap in_map =
      make_map(from.get(),
               {CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, {width, height}, {4 * width}, {columns, rows}});
  const CUtensorMap out_map = make_map(
      to.get(),
      {CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, {height, width}, {4 * height}, {rows, columns}});
  std::vector<float> expected(width * height);
  for (int y = 0; y < height; y += rows) {
    for (int x = 0; x < width; x += columns) {
      transpose_tile<<<1, 128>>>(in_map, out_map, x, y);
    }
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) expected[x * height + y] = in[y * width + x];
  }
  expect(to.download() == expected, "tiles transposed by tensor copies");

  std::vector<unsigned> values(5000);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<unsigned>(i * i * 31 + i / 7);
  std::vector<unsigned> counts(64);
  for (const unsigned value : values) ++counts[value % 64];
  Buffer<unsigned> device_values(values);
  Buffer<unsigned> device_counts(64);
  cluster_histogram<<<4, 96>>>(device_values.get(), static_cast<int>(values.size()),
                               device_counts.get());
  expect(device_counts.download() == counts, "a histogram over a cluster");

  Buffer<int> passed(2);
  pass_pointers<<<2, 32>>>(passed.get());
  expect(passed.download() == std::vector<int>{1101, 100}, "pointers to shared memory of others");
  return finish();
}
