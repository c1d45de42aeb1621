// CUB's algorithms of a block or warp inside of kernels, with sizes that are no multiple of a tile.

#include <cub/block/block_load.cuh>
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/block/block_store.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cub/warp/warp_scan.cuh>

#include <algorithm>
#include <numeric>
#include <random>

#include "check.h"

constexpr int threads = 96;
constexpr int items = 3;
constexpr int tile = threads * items;

template <cub::BlockReduceAlgorithm algorithm>
__global__ void reduce_blocks(const int* x, int* out, int count) {
  using Reduce = cub::BlockReduce<int, threads, algorithm>;
  __shared__ typename Reduce::TempStorage storage;
  const int i = blockIdx.x * threads + threadIdx.x;
  const int valid = min(threads, count - static_cast<int>(blockIdx.x) * threads);
  const int sum = Reduce(storage).Sum(i < count ? x[i] : 0, valid);
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

/// Prefix sums and sorted values of each tile, loaded and stored by transposition.
__global__ void scan_and_sort(const int* x, int* sums, int* sorted, int count) {
  using Load = cub::BlockLoad<int, threads, items, cub::BLOCK_LOAD_TRANSPOSE>;
  using Scan = cub::BlockScan<int, threads>;
  using Sort = cub::BlockRadixSort<int, threads, items>;
  using Store = cub::BlockStore<int, threads, items, cub::BLOCK_STORE_TRANSPOSE>;
  __shared__ union {
    Load::TempStorage load;
    Scan::TempStorage scan;
    Sort::TempStorage sort;
    Store::TempStorage store;
  } storage;
  const int first = blockIdx.x * tile;
  const int valid = min(tile, count - first);
  int values[items], prefix[items];
  Load(storage.load).Load(x + first, values, valid, 1 << 20);
  __syncthreads();
  Scan(storage.scan).InclusiveSum(values, prefix);
  __syncthreads();
  Store(storage.store).Store(sums + first, prefix, valid);
  __syncthreads();
  Sort(storage.sort).Sort(values);
  __syncthreads();
  Store(storage.store).Store(sorted + first, values, valid);
}

template <int width>
__global__ void scan_warps(const int* x, int* sums, int* most) {
  using Scan = cub::WarpScan<int, width>;
  using Reduce = cub::WarpReduce<int, width>;
  __shared__ typename Scan::TempStorage scan[threads / width];
  __shared__ typename Reduce::TempStorage reduce[threads / width];
  const int value = x[threadIdx.x];
  int sum;
  Scan(scan[threadIdx.x / width]).ExclusiveSum(value, sum);
  sums[threadIdx.x] = sum;
  const int largest =
      Reduce(reduce[threadIdx.x / width]).Reduce(value, [](int a, int b) { return a < b ? b : a; });
  if (threadIdx.x % width == 0) most[threadIdx.x / width] = largest;
}

std::vector<int> random_integers(std::size_t count) {
  static std::mt19937 generator(9);
  std::vector<int> values(count);
  for (int& value : values) value = static_cast<int>(generator() % 2001) - 1000;
  return values;
}

template <cub::BlockReduceAlgorithm algorithm>
void test_block_reduce() {
  for (const int count : {1, 95, 96, 1000}) {
    const auto x = random_integers(count);
    const int blocks = (count + threads - 1) / threads;
    Buffer<int> device_x(x), out(blocks);
    reduce_blocks<algorithm><<<blocks, threads>>>(device_x.get(), out.get(), count);
    std::vector<int> expected(blocks);
    for (int i = 0; i < count; ++i) expected[i / threads] += x[i];
    expect(out.download() == expected, "BlockReduce");
  }
}

void test_block_scan_and_sort() {
  for (const int count : {1, tile - 1, tile, 1000}) {
    const auto x = random_integers(count);
    Buffer<int> device_x(x), sums(count), sorted(count);
    scan_and_sort<<<(count + tile - 1) / tile, threads>>>(device_x.get(), sums.get(), sorted.get(),
                                                          count);
    auto expected_sums = x, expected_sorted = x;
    for (int begin = 0; begin < count; begin += tile) {
      const int end = std::min(count, begin + tile);
      std::partial_sum(x.begin() + begin, x.begin() + end, expected_sums.begin() + begin);
      std::sort(expected_sorted.begin() + begin, expected_sorted.begin() + end);
    }
    expect(sums.download() == expected_sums, "BlockScan");
    expect(sorted.download() == expected_sorted, "BlockRadixSort");
  }
}

template <int width>
void test_warps() {
  const auto x = random_integers(threads);
  Buffer<int> device_x(x), sums(threads), most(threads / width);
  scan_warps<width><<<1, threads>>>(device_x.get(), sums.get(), most.get());
  std::vector<int> expected_sums(threads), expected_most;
  for (int begin = 0; begin < threads; begin += width) {
    std::exclusive_scan(x.begin() + begin, x.begin() + begin + width, expected_sums.begin() + begin,
                        0);
    expected_most.push_back(*std::max_element(x.begin() + begin, x.begin() + begin + width));
  }
  expect(sums.download() == expected_sums, "WarpScan");
  expect(most.download() == expected_most, "WarpReduce");
}

int main() {
  test_block_reduce<cub::BLOCK_REDUCE_RAKING>();
  test_block_reduce<cub::BLOCK_REDUCE_RAKING_COMMUTATIVE_ONLY>();
  test_block_reduce<cub::BLOCK_REDUCE_WARP_REDUCTIONS>();
  test_block_scan_and_sort();
  test_warps<32>();
  test_warps<8>();
  return finish();
}
