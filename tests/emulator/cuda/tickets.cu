// The last of several blocks goes on alone, and makes the counter ready for the next launch with a
// plain write. Blocks run on several threads of the host, whose atomic operations may come as close
// together as they like: in none of many launches is the write a race with another block's count.

#include "check.h"

constexpr int blocks = 16;

__global__ void last_block_adds(const int* values, int* partial, int* count, int* total) {
  if (threadIdx.x != 0) return;
  partial[blockIdx.x] = 3 * values[blockIdx.x];
  __threadfence();
  if (atomicAdd(count, 1) != blocks - 1) return;
  *count = 0;
  __threadfence();
  int sum = 0;
  for (int i = 0; i < blocks; ++i) sum += partial[i];
  *total += sum;
}

int main() {
  std::vector<int> values(blocks);
  int expected = 0;
  for (int i = 0; i < blocks; ++i) {
    values[i] = i * i - 40;
    expected += 3 * values[i];
  }
  Buffer<int> input(values);
  Buffer<int> partial(blocks);
  Buffer<int> count(std::vector<int>(1, 0));
  Buffer<int> total(std::vector<int>(1, 0));
  constexpr int launches = 20000;
  for (int i = 0; i < launches; ++i) {
    last_block_adds<<<blocks, 32>>>(input.get(), partial.get(), count.get(), total.get());
  }
  expect(count.download()[0] == 0, "the count after the last launch");
  expect(total.download()[0] == launches * expected, "the sum of all launches");
  return finish();
}
