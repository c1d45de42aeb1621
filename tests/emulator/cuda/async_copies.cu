// Bulk copies, mbarriers and clusters of compute capability 9.0, against loops of the host.

#include <cuda_fp16.h>

#include "transfers.h"

constexpr int threads = 64;

/// A ring of stages that one warp fills and the others empty; what they make of it goes back by
/// bulk copies, too.
__global__ void bulk_ring(const unsigned* in, unsigned* out, int tiles) {
  constexpr int stages = 3;
  constexpr int tile = 2 * threads;
  __shared__ alignas(128) unsigned buffer[stages][tile];
  __shared__ alignas(128) unsigned results[tile];
  __shared__ alignas(8) unsigned long long full[stages];
  __shared__ alignas(8) unsigned long long empty[stages];
  const int i = threadIdx.x;
  if (i == 0) {
    for (int stage = 0; stage < stages; ++stage) {
      init_barrier(&full[stage], 1);
      init_barrier(&empty[stage], threads - 32);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (i < 32) {
    if (i != 0) return;
    for (int number = 0; number < tiles; ++number) {
      const int stage = number % stages;
      wait_for_parity(&empty[stage], 1 ^ (number / stages & 1));
      expect_bytes(&full[stage], sizeof(buffer[0]));
      copy_in(buffer[stage], in + number * tile, sizeof(buffer[0]) / 2, &full[stage]);
      copy_in(buffer[stage] + threads, in + number * tile + threads, sizeof(buffer[0]) / 2,
              &full[stage]);
    }
    return;
  }
  for (int number = 0; number < tiles; ++number) {
    const int stage = number % stages;
    wait_for_parity(&full[stage], number / stages & 1);
    for (int at = i - 32; at < tile; at += 32) results[at] = 3 * buffer[stage][tile - 1 - at] + 1;
    arrive(&empty[stage]);
    fence_proxy();
    __syncwarp();
    if (i == 32) {
      copy_out(out + number * tile, results, sizeof(results));
      commit_copies();
      wait_for_reads();
    }
    __syncwarp();
  }
}

/// Only bytes whose bit is set are written, which devices can do since compute capability 10.0.
__global__ void masked_store(unsigned char* out) {
#if __CUDA_ARCH__ >= 1000
  __shared__ alignas(16) unsigned char bytes[32];
  bytes[threadIdx.x] = 100 + threadIdx.x;
  fence_proxy();
  __syncwarp();
  if (threadIdx.x != 0) return;
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group.cp_mask [%0], [%1], 32, %2;" ::"l"(out),
               "r"(shared_address(bytes)), "h"(short{0x2A05})
               : "memory");
  commit_copies();
  wait_for_copies();
#endif
}

/// Blocks of a cluster add to each other's words, and hand rows around.
__global__ void __cluster_dims__(4, 1, 1) exchange(unsigned* out) {
  __shared__ unsigned words[threads];
  __shared__ unsigned sum;
  const unsigned rank = cluster_rank();
  const unsigned i = threadIdx.x;
  words[i] = 1000 * blockIdx.x + i;
  if (i == 0) sum = 0;
  cluster_sync();
  const unsigned value = load_remote(address_in(&words[threads - 1 - i], (rank + 1) % 4));
  asm volatile(
      "red.relaxed.cluster.shared::cluster.add.u32 [%0], %1;" ::"r"(address_in(&sum, i % 4)),
      "r"(rank + 1)
      : "memory");
  cluster_sync();
  unsigned generic_rank;
  asm("{\n.reg .b64 there;\nmapa.u64 there, %1, %2;\ngetctarank.u64 %0, there;\n}"
      : "=r"(generic_rank)
      : "l"(static_cast<const void*>(&words[0])), "r"((rank + 3) % 4));
  unsigned size;
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  // Who has read may be written to.
  asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(address_in(&words[i], (rank + 2) % 4)),
               "r"(rank)
               : "memory");
  cluster_sync();
  out[blockIdx.x * threads + i] =
      value + 10000 * sum + 1000000 * words[i] + 10000000 * generic_rank + 100000000 * size;
}

/// Each block loads a part of a tile, for all of them at once; then one block sends what it has to
/// the next, and counts the arrivals of its neighbours' threads.
__global__ void __cluster_dims__(2, 1, 1) multicast(const unsigned* in, unsigned* out) {
  __shared__ alignas(128) unsigned tile[2 * threads];
  __shared__ alignas(128) unsigned inbox[threads];
  __shared__ alignas(8) unsigned long long barrier;
  __shared__ alignas(8) unsigned long long inbox_barrier;
  __shared__ alignas(8) unsigned long long neighbours;
  const unsigned rank = cluster_rank();
  const unsigned other = rank ^ 1;
  const unsigned i = threadIdx.x;
  const unsigned half = sizeof(tile) / 2;
  if (i == 0) {
    init_barrier(&barrier, 1);
    init_barrier(&inbox_barrier, 1);
    init_barrier(&neighbours, threads);
    expect_bytes(&barrier, sizeof(tile));
    expect_bytes(&inbox_barrier, sizeof(inbox));
  }
  cluster_sync();
  if (i == 0) {
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], "
        "[%1], %2, [%3], %4;" ::"r"(shared_address(tile + rank * threads)),
        "l"(in + (blockIdx.x / 2) * 2 * threads + rank * threads), "r"(half),
        "r"(shared_address(&barrier)), "h"(short{3})
        : "memory");
  }
  wait_for_parity(&barrier, 0);
  if (i == 0) {
    asm volatile(
        "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, "
        "[%3];" ::"r"(address_in(inbox, other)),
        "r"(shared_address(tile + rank * threads)), "r"(half),
        "r"(address_in(&inbox_barrier, other))
        : "memory");
  }
  arrive_remote(address_in(&neighbours, other));
  wait_for_parity(&inbox_barrier, 0);
  asm volatile(
      "{\n.reg .pred done;\nagain:\n"
      "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], 0;\n"
      "@!done bra again;\n}\n" ::"r"(shared_address(&neighbours))
      : "memory");
  out[blockIdx.x * threads + i] = tile[i] + 3 * tile[threads + i] + 9 * inbox[threads - 1 - i];
  cluster_sync();
}

/// All blocks add to the same words, and take the largest of others, by bulk reductions and by one
/// of a tensor.
__global__ void reduce_words(unsigned* sums, int* largest, float* total, __half* halves,
                             const __grid_constant__ CUtensorMap map) {
  __shared__ alignas(128) unsigned words[threads];
  __shared__ alignas(128) int numbers[threads];
  __shared__ alignas(128) float tile[8][8];
  __shared__ alignas(128) __half small[threads];
  const int i = threadIdx.x;
  words[i] = (blockIdx.x + 1) * i;
  numbers[i] = (blockIdx.x + i) % 4 == 0 ? 1000 - i : -5000;
  tile[i / 8][i % 8] = 0.5F * blockIdx.x + i;
  small[i] = __float2half(0.25F * i);
  fence_proxy();
  __syncthreads();
  if (i != 0) return;
  asm volatile(
      "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%0], [%1], %8;\n"
      "cp.reduce.async.bulk.global.shared::cta.bulk_group.max.s32 [%2], [%3], %8;\n"
      "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.noftz.f16 [%4], [%5], 128;\n"
      "cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%6, {%9, %10}], "
      "[%7];" ::"l"(sums),
      "r"(shared_address(words)), "l"(largest), "r"(shared_address(numbers)), "l"(halves),
      "r"(shared_address(small)), "l"(&map), "r"(shared_address(tile)), "n"(4 * threads), "r"(12),
      "r"(1)
      : "memory");
  commit_copies();
  wait_for_copies();
}

void check_reductions() {
  constexpr int blocks = 4;
  Buffer<unsigned> sums(std::vector<unsigned>(threads, 7));
  Buffer<int> largest(std::vector<int>(threads, -100));
  Buffer<float> total(std::vector<float>(16 * 9, 1.0F));
  Buffer<__half> halves(std::vector<__half>(threads, __half{}));
  // The last columns of the box lie outside.
  const CUtensorMap map =
      make_map(total.get(), {CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, {16, 9}, {64}, {8, 8}});
  reduce_words<<<blocks, threads>>>(sums.get(), largest.get(), total.get(), halves.get(), map);
  std::vector<unsigned> expected_sums(threads, 7);
  std::vector<int> expected_largest(threads, -100);
  std::vector<float> expected_total(16 * 9, 1.0F);
  std::vector<float> expected_halves(threads);
  for (int block = 0; block < blocks; ++block) {
    for (int i = 0; i < threads; ++i) {
      expected_sums[i] += (block + 1) * i;
      if ((block + i) % 4 == 0) expected_largest[i] = 1000 - i;
      if (i % 8 < 4) expected_total[16 * (1 + i / 8) + 12 + i % 8] += 0.5F * block + i;
      expected_halves[i] += 0.25F * i;
    }
  }
  expect(sums.download() == expected_sums, "bulk sums");
  expect(largest.download() == expected_largest, "bulk maxima");
  expect(total.download() == expected_total, "sums of a tensor");
  const std::vector<__half> half_sums = halves.download();
  for (int i = 0; i < threads; ++i) {
    expect(__half2float(half_sums[i]) == expected_halves[i], "bulk sums of halves");
  }
}

void check_ring() {
  constexpr int tiles = 8;
  std::vector<unsigned> in(2 * threads * tiles);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<unsigned>(7919 * i + i * i);
  Buffer<unsigned> from(in);
  Buffer<unsigned> to(in.size());
  bulk_ring<<<1, threads>>>(from.get(), to.get(), tiles);
  std::vector<unsigned> expected(in.size());
  for (int number = 0; number < tiles; ++number) {
    for (int at = 0; at < 2 * threads; ++at) {
      expected[number * 2 * threads + at] = 3 * in[(number + 1) * 2 * threads - 1 - at] + 1;
    }
  }
  expect(to.download() == expected, "a ring of bulk copies");

  cudaDeviceProp properties;
  require(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  if (properties.major < 10) return;
  Buffer<unsigned char> bytes(std::vector<unsigned char>(32, 7));
  masked_store<<<1, 32>>>(bytes.get());
  std::vector<unsigned char> masked(32, 7);
  for (int at = 0; at < 32; ++at) {
    if ((0x2A05 >> at % 16 & 1) != 0) masked[at] = static_cast<unsigned char>(100 + at);
  }
  expect(bytes.download() == masked, "a bulk copy of masked bytes");
}

void check_clusters() {
  Buffer<unsigned> out(8 * threads);
  exchange<<<8, threads>>>(out.get());
  std::vector<unsigned> expected(8 * threads);
  for (unsigned block = 0; block < 8; ++block) {
    const unsigned rank = block % 4;
    const unsigned next = block - rank + (rank + 1) % 4;
    for (unsigned i = 0; i < threads; ++i) {
      // Of each block, a quarter of the threads adds to the sum here.
      const unsigned sum = threads / 4 * (1 + 2 + 3 + 4);
      expected[block * threads + i] = 1000 * next + threads - 1 - i + 10000 * sum +
                                      1000000 * ((rank + 2) % 4) + 10000000 * ((rank + 3) % 4) +
                                      100000000U * 4;
    }
  }
  expect(out.download() == expected, "memory of other blocks of a cluster");

  std::vector<unsigned> in(4 * threads);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<unsigned>(i * i + 5);
  Buffer<unsigned> from(in);
  Buffer<unsigned> sums(4 * threads);
  multicast<<<4, threads>>>(from.get(), sums.get());
  std::vector<unsigned> expected_sums(4 * threads);
  for (unsigned block = 0; block < 4; ++block) {
    const unsigned* const tile = in.data() + block / 2 * 2 * threads;
    const unsigned* const other = tile + (block % 2 == 0 ? threads : 0);
    for (unsigned i = 0; i < threads; ++i) {
      expected_sums[block * threads + i] =
          tile[i] + 3 * tile[threads + i] + 9 * other[threads - 1 - i];
    }
  }
  expect(sums.download() == expected_sums, "copies to all blocks of a cluster");
}

int main() {
  check_ring();
  check_reductions();
  check_clusters();
  return finish();
}
