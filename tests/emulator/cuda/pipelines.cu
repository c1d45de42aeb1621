// cp.async in pipelines of several stages, by hand and as cooperative groups write it, against
// loops of the host.

#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>

#include "check.h"

namespace cg = cooperative_groups;

constexpr int threads = 128;
constexpr int tile = 4 * threads;  // words
constexpr int tiles = 11;

__device__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

/// Each thread adds up what another one has copied.
__global__ void staged_sums(const unsigned* in, unsigned* out) {
  constexpr int stages = 4;
  __shared__ alignas(16) unsigned buffer[stages][tile];
  const int i = threadIdx.x;
  const auto issue = [&](int number) {
    if (number < tiles) {
      asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(
                       shared_address(&buffer[number % stages][4 * i])),
                   "l"(in + number * tile + 4 * i)
                   : "memory");
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  for (int number = 0; number < stages - 1; ++number) issue(number);
  unsigned sum = 0;
  for (int number = 0; number < tiles; ++number) {
    asm volatile("cp.async.wait_group %0;" ::"n"(stages - 2) : "memory");
    __syncthreads();
    issue(number + stages - 1);
    for (int part = 0; part < 4; ++part) {
      sum = 3 * sum + buffer[number % stages][(4 * i + part + 77) % tile];
    }
  }
  out[i] = sum;
}

/// Sizes of 4 and 8 bytes, fewer bytes read than written, and none at all.
__global__ void partial_copies(const unsigned char* in, unsigned char* out) {
  __shared__ alignas(16) unsigned char buffer[threads][32];
  const int i = threadIdx.x;
  unsigned char* const row = buffer[i];
  const unsigned char* const from = in + 32 * i;
  asm volatile(
      "{\n.reg .pred ignores;\nsetp.ne.u32 ignores, %4, 0;\n"
      "cp.async.ca.shared.global [%0], [%1], 4;\n"
      "cp.async.ca.shared::cta.global [%0+4], [%1+4], 4, %2;\n"
      "cp.async.ca.shared.global.L2::cache_hint [%0+8], [%1+8], 8, %3, %5;\n"
      "cp.async.cg.shared.global [%0+16], [%1+16], 16, ignores;\n}\n" ::"r"(shared_address(row)),
      "l"(from), "r"(i % 5), "r"(i % 9), "r"(i % 2), "l"(0ULL)
      : "memory");
  asm volatile("cp.async.wait_all;" ::: "memory");
  for (int at = 0; at < 32; ++at) out[32 * i + at] = row[at];
}

/// Copies that the whole block waits for.
__global__ void group_copies(const unsigned* in, unsigned* out) {
  __shared__ alignas(16) unsigned buffer[2][tile];
  const auto block = cg::this_thread_block();
  cg::memcpy_async(block, buffer[0], in, sizeof(buffer[0]));
  unsigned sum = 0;
  for (int number = 0; number < tiles; ++number) {
    if (number + 1 < tiles) {
      cg::memcpy_async(block, buffer[(number + 1) % 2], in + (number + 1) * tile,
                       sizeof(buffer[0]));
      cg::wait_prior<1>(block);
    } else {
      cg::wait(block);
    }
    for (int part = 0; part < 4; ++part) {
      sum = 3 * sum + buffer[number % 2][(4 * threadIdx.x + part + 77) % tile];
    }
    block.sync();
  }
  out[threadIdx.x] = sum;
}

int main() {
  std::vector<unsigned> in(tile * tiles);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<unsigned>(i * i * 2654435761U);
  std::vector<unsigned> sums(threads);
  for (int i = 0; i < threads; ++i) {
    for (int number = 0; number < tiles; ++number) {
      for (int part = 0; part < 4; ++part) {
        sums[i] = 3 * sums[i] + in[number * tile + (4 * i + part + 77) % tile];
      }
    }
  }
  Buffer<unsigned> device_in(in);
  const auto compare = [&](auto kernel, const char* name) {
    Buffer<unsigned> out(threads);
    kernel<<<1, threads>>>(device_in.get(), out.get());
    expect(out.download() == sums, name);
  };
  compare(staged_sums, "cp.async in four stages");
  compare(group_copies, "cooperative_groups::memcpy_async");

  Buffer<unsigned char> bytes(32 * threads);
  const auto* const from = reinterpret_cast<const unsigned char*>(in.data());
  partial_copies<<<1, threads>>>(reinterpret_cast<unsigned char*>(device_in.get()), bytes.get());
  std::vector<unsigned char> expected(32 * threads);
  for (int i = 0; i < threads; ++i) {
    for (int at = 0; at < 32; ++at) {
      const bool is_read = at < 4 || (at < 8 && at - 4 < i % 5) ||
                           (at >= 8 && at < 16 && at - 8 < i % 9) || (at >= 16 && i % 2 == 0);
      expected[32 * i + at] = is_read ? from[32 * i + at] : 0;
    }
  }
  expect(bytes.download() == expected, "copies that read less than they write");

  return finish();
}
