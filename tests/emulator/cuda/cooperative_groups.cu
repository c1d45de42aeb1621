// Cooperative groups inside of a block, against the host: tiles of a warp, coalesced and labeled
// groups, reductions and scans, barriers of a block, copies to shared memory.

#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>

#include <algorithm>
#include <random>

#include "check.h"

namespace cg = cooperative_groups;

constexpr int threads = 96;

/// Sums by shuffles, by cg::reduce, and the largest value, of each tile.
template <int size>
__global__ void reduce_tiles(const int* x, int* by_shuffle, int* sums, int* most, float* products) {
  const auto tile = cg::tiled_partition<size>(cg::this_thread_block());
  const int i = threadIdx.x;
  int sum = x[i];
  for (int offset = size / 2; offset > 0; offset /= 2) sum += tile.shfl_xor(sum, offset);
  by_shuffle[i] = sum;
  sums[i] = cg::reduce(tile, x[i], cg::plus<int>());
  most[i] = cg::reduce(tile, x[i], cg::greater<int>());
  products[i] = cg::reduce(tile, 1 + x[i] / 1024.0F, [](float a, float b) { return a * b; });
}

/// Prefix sums of each tile, and votes and matches within it.
template <int size>
__global__ void scan_tiles(const int* x, int* inclusive, int* exclusive, unsigned* votes) {
  const auto tile = cg::tiled_partition<size>(cg::this_thread_block());
  const int i = threadIdx.x;
  inclusive[i] = cg::inclusive_scan(tile, x[i]);
  exclusive[i] = cg::exclusive_scan(tile, x[i], cg::bit_xor<int>());
  votes[i] = tile.ballot(x[i] > 0) | (tile.any(x[i] > 990) ? 0x80000000 : 0) |
             tile.meta_group_rank() << 20;
}

/// Threads of one kind find each other, whatever branch they are in.
__global__ void group_threads(const int* x, int* coalesced, int* labeled, int* binary) {
  const int i = threadIdx.x;
  coalesced[i] = -1;
  if (x[i] > 0) {
    const cg::coalesced_group group = cg::coalesced_threads();
    coalesced[i] = static_cast<int>(group.size() * 100 + group.thread_rank());
  }
  const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  const auto same_label = cg::labeled_partition(warp, (x[i] % 3 + 3) % 3);
  labeled[i] = cg::reduce(same_label, x[i], cg::plus<int>());
  const auto same_sign = cg::binary_partition(warp, x[i] > 0);
  binary[i] = same_sign.shfl(x[i], same_sign.size() - 1);
}

/// Aggregates atomics of a warp: one for all that come together.
__global__ void append_positive(const int* x, int* out, int* count) {
  const int i = threadIdx.x;
  if (x[i] <= 0) return;
  const auto group = cg::coalesced_threads();
  int first = 0;
  if (group.thread_rank() == 0) first = atomicAdd(count, static_cast<int>(group.size()));
  out[group.shfl(first, 0) + group.thread_rank()] = x[i];
}

__global__ void reverse_block(const int* x, int* out) {
  __shared__ int values[threads];
  const auto block = cg::this_thread_block();
  values[block.thread_rank()] = x[block.thread_rank()];
  block.sync();
  out[block.thread_rank()] = values[block.size() - 1 - block.thread_rank()];
}

__global__ void copy_to_shared(const int* x, int* out) {
  __shared__ alignas(16) int values[threads];
  const auto block = cg::this_thread_block();
  cg::memcpy_async(block, values, x, sizeof(values));
  cg::wait(block);
  out[block.thread_rank()] = values[(block.thread_rank() + 7) % threads] + 1;
}

std::vector<int> random_integers() {
  static std::mt19937 generator(17);
  std::vector<int> values(threads);
  for (int& value : values) value = static_cast<int>(generator() % 2001) - 1000;
  return values;
}

template <int size>
void test_reductions() {
  const auto x = random_integers();
  Buffer<int> device_x(x), by_shuffle(threads), sums(threads), most(threads);
  Buffer<float> products(threads);
  reduce_tiles<size>
      <<<1, threads>>>(device_x.get(), by_shuffle.get(), sums.get(), most.get(), products.get());
  const auto result = products.download();
  std::vector<int> expected(threads), expected_most(threads);
  for (int i = 0; i < threads; ++i) {
    const auto tile = x.begin() + i / size * size;
    for (int k = 0; k < size; ++k) expected[i] += tile[k];
    expected_most[i] = *std::max_element(tile, tile + size);
    double product = 1;
    for (int k = 0; k < size; ++k) product *= 1 + tile[k] / 1024.0;
    // Up to 32 factors, each rounded once.
    expect(std::abs(result[i] - product) <= 32 * 1.2e-7 * std::abs(product), "reduce by a lambda");
  }
  expect(by_shuffle.download() == expected, "shuffles of a tile");
  expect(sums.download() == expected, "reduce");
  expect(most.download() == expected_most, "reduce to the largest");
}

template <int size>
void test_scans() {
  const auto x = random_integers();
  Buffer<int> device_x(x), inclusive(threads), exclusive(threads);
  Buffer<unsigned> votes(threads);
  scan_tiles<size><<<1, threads>>>(device_x.get(), inclusive.get(), exclusive.get(), votes.get());
  std::vector<int> sums(threads), bits(threads);
  std::vector<unsigned> expected_votes(threads);
  for (int i = 0; i < threads; ++i) {
    const int first = i / size * size;
    bool any = false;
    for (int k = first; k < first + size; ++k) {
      if (k <= i) sums[i] += x[k];
      if (k < i) bits[i] ^= x[k];
      expected_votes[i] |= static_cast<unsigned>(x[k] > 0) << (k - first);
      any = any || x[k] > 990;
    }
    expected_votes[i] |= static_cast<unsigned>(i / size) << 20 | (any ? 0x80000000 : 0);
  }
  expect(inclusive.download() == sums, "inclusive_scan");
  expect(exclusive.download() == bits, "exclusive_scan");
  expect(votes.download() == expected_votes, "votes of a tile");
}

void test_groups() {
  const auto x = random_integers();
  Buffer<int> device_x(x), coalesced(threads), labeled(threads), binary(threads);
  group_threads<<<1, threads>>>(device_x.get(), coalesced.get(), labeled.get(), binary.get());
  std::vector<int> expected_coalesced(threads, -1), sums(threads), last(threads);
  for (int i = 0; i < threads; ++i) {
    int size = 0, rank = 0;
    for (int k = i / 32 * 32; k < i / 32 * 32 + 32; ++k) {
      size += x[k] > 0;
      rank += x[k] > 0 && k < i;
      if ((x[k] + 1002) % 3 == (x[i] + 1002) % 3) sums[i] += x[k];
      if ((x[k] > 0) == (x[i] > 0)) last[i] = x[k];
    }
    if (x[i] > 0) expected_coalesced[i] = 100 * size + rank;
  }
  expect(coalesced.download() == expected_coalesced, "coalesced_threads");
  expect(labeled.download() == sums, "labeled_partition");
  expect(binary.download() == last, "binary_partition");
}

void test_blocks() {
  const auto x = random_integers();
  Buffer<int> device_x(x), out(threads), appended(std::vector<int>(threads, 0)),
      count(std::vector<int>{0});
  reverse_block<<<1, threads>>>(device_x.get(), out.get());
  auto reversed = x;
  std::reverse(reversed.begin(), reversed.end());
  expect(out.download() == reversed, "barrier of a block");
  copy_to_shared<<<1, threads>>>(device_x.get(), out.get());
  auto rotated = x;
  std::rotate(rotated.begin(), rotated.begin() + 7, rotated.end());
  for (int& value : rotated) ++value;
  expect(out.download() == rotated, "memcpy_async");
  append_positive<<<1, threads>>>(device_x.get(), appended.get(), count.get());
  std::vector<int> positive;
  for (const int value : x) {
    if (value > 0) positive.push_back(value);
  }
  auto result = appended.download();
  expect(count.download()[0] == static_cast<int>(positive.size()), "aggregated atomics");
  result.resize(positive.size());
  std::sort(result.begin(), result.end());
  std::sort(positive.begin(), positive.end());
  expect(result == positive, "values of aggregated atomics");
}

int main() {
  test_reductions<32>();
  test_reductions<4>();
  test_scans<16>();
  test_scans<8>();
  test_groups();
  test_blocks();
  return finish();
}
