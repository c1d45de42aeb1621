// The order of blocks and warps: `order` prints what depends on it, and checks what does not.
// Results are the last block and warp to write, and how far a warp was ahead of another that it
// waits for.

#include "check.h"

constexpr int blocks = 37;
constexpr int threads = 160;

__global__ void last_block_wins(int* winner) {
  if (threadIdx.x == 0) atomicExch(winner, static_cast<int>(blockIdx.x));
}

__global__ void last_warp_wins(int* winner) {
  if (threadIdx.x % 32 == 0) atomicExch(winner, static_cast<int>(threadIdx.x / 32));
}

/// How often the first warp looks before the last one, which has work to do, has written.
__global__ void count_looks(int* looks) {
  __shared__ volatile int flag;
  if (threadIdx.x == 0) flag = 0;
  __syncthreads();
  const int last_warp = threads / 32 - 1;
  if (threadIdx.x == last_warp * 32) {
    unsigned value = 1;
    for (int i = 0; i < 5000; ++i) value = value * 1664525U + 1013904223U;
    flag = value | 1;
  }
  if (threadIdx.x == 0) {
    int count = 0;
    while (flag == 0) ++count;
    *looks = count;
  }
}

/// A sum with a barrier in each step, which no order may change.
__global__ void sum(const int* values, int* total) {
  __shared__ int parts[threads];
  const int i = threadIdx.x;
  parts[i] = values[blockIdx.x * threads + i];
  for (int width = 1; width < threads; width *= 2) {
    __syncthreads();
    const int other = i + width < threads && i % (2 * width) == 0 ? parts[i + width] : 0;
    __syncthreads();
    if (other != 0) parts[i] += other;
  }
  if (i == 0) atomicAdd(total, parts[0]);
}

int main() {
  Buffer<int> results(std::vector<int>(4, 0));
  last_block_wins<<<blocks, threads>>>(results.get());
  last_warp_wins<<<1, threads>>>(results.get() + 1);
  count_looks<<<1, threads>>>(results.get() + 2);
  std::vector<int> values(blocks * threads);
  int expected = 0;
  for (int i = 0; i < blocks * threads; ++i) {
    values[i] = i % 91 - 40;
    expected += values[i];
  }
  Buffer<int> input(values);
  sum<<<blocks, threads>>>(input.get(), results.get() + 3);
  const std::vector<int> found = results.download();
  std::printf("block %d warp %d looks %d sum %d\n", found[0], found[1], found[2], found[3]);
  expect(found[3] == expected, "the sum");
  return finish();
}
