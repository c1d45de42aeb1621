// cp.async in pipelines of several stages, by hand and as libcu++ and cooperative groups write it,
// against loops of the host.

#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>

#include <cuda/barrier>
#include <cuda/pipeline>

#include "check.h"
#include "shared_memory.h"

namespace cg = cooperative_groups;

constexpr int threads = 128;
constexpr int tile = 4 * threads;  // words
constexpr int tiles = 11;

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

/// An mbarrier that the copies themselves arrive at, twice: in addition to the threads' arrivals,
/// and in their place.
__global__ void copies_arrive(const unsigned* in, unsigned* out) {
  __shared__ alignas(16) unsigned buffer[2][threads];
  __shared__ alignas(8) unsigned long long barriers[2];
  const int i = threadIdx.x;
  const unsigned first = shared_address(&barriers[0]);
  const unsigned second = shared_address(&barriers[1]);
  if (i == 0) {
    asm volatile(
        "mbarrier.init.shared.b64 [%0], %2;\nmbarrier.init.shared.b64 [%1], %2;" ::"r"(first),
        "r"(second), "r"(threads)
        : "memory");
  }
  __syncthreads();
  asm volatile(
      "{\n.reg .b64 state;\n"
      "cp.async.ca.shared.global [%0], [%2], 4;\n"
      "cp.async.mbarrier.arrive.shared.b64 [%4];\n"
      "mbarrier.arrive.shared.b64 state, [%4];\n"
      "cp.async.ca.shared.global [%1], [%3], 4;\n"
      "cp.async.mbarrier.arrive.noinc.shared.b64 [%5];\n}\n" ::"r"(shared_address(&buffer[0][i])),
      "r"(shared_address(&buffer[1][i])), "l"(in + i), "l"(in + threads + i), "r"(first),
      "r"(second)
      : "memory");
  unsigned sum = 0;
  for (int number = 0; number < 2; ++number) {
    asm volatile(
        "{\n.reg .pred done;\nagain:\n"
        "mbarrier.test_wait.parity.shared.b64 done, [%0], 0;\n@!done bra again;\n}\n" ::"r"(
            number == 0 ? first : second)
        : "memory");
    sum = 10 * sum + buffer[number][threads - 1 - i];
  }
  out[i] = sum;
}

/// Two stages of a pipeline that the whole block shares.
__global__ void pipeline_sums(const unsigned* in, unsigned* out) {
  __shared__ alignas(16) unsigned buffer[2][tile];
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, 2> state;
  const auto block = cg::this_thread_block();
  auto pipe = cuda::make_pipeline(block, &state);
  unsigned sum = 0;
  for (int number = 0; number <= tiles; ++number) {
    if (number < tiles) {
      pipe.producer_acquire();
      cuda::memcpy_async(block, buffer[number % 2], in + number * tile,
                         cuda::aligned_size_t<16>(sizeof(buffer[0])), pipe);
      pipe.producer_commit();
    }
    if (number == 0) continue;
    pipe.consumer_wait();
    for (int part = 0; part < 4; ++part) {
      sum = 3 * sum + buffer[(number - 1) % 2][(4 * threadIdx.x + part + 77) % tile];
    }
    pipe.consumer_release();
  }
  out[threadIdx.x] = sum;
}

/// The first half of the warps copies, the second adds up.
__global__ void specialized_warps(const unsigned* in, unsigned* out) {
  __shared__ alignas(16) unsigned buffer[2][tile];
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, 2> state;
  const auto block = cg::this_thread_block();
  const bool produces = threadIdx.x < threads / 2;
  auto pipe = cuda::make_pipeline(
      block, &state, produces ? cuda::pipeline_role::producer : cuda::pipeline_role::consumer);
  const auto warp = cg::tiled_partition<32>(block);
  const int first = warp.meta_group_rank() * tile / 2;
  unsigned sums[2] = {};
  for (int number = 0; number < tiles; ++number) {
    if (produces) {
      pipe.producer_acquire();
      cuda::memcpy_async(warp, buffer[number % 2] + first, in + number * tile + first,
                         cuda::aligned_size_t<16>(sizeof(buffer[0]) / 2), pipe);
      pipe.producer_commit();
      continue;
    }
    pipe.consumer_wait();
    for (int which = 0; which < 2; ++which) {
      const int thread = 2 * (threadIdx.x - threads / 2) + which;
      for (int part = 0; part < 4; ++part) {
        sums[which] = 3 * sums[which] + buffer[number % 2][(4 * thread + part + 77) % tile];
      }
    }
    pipe.consumer_release();
  }
  if (produces) return;
  for (int which = 0; which < 2; ++which)
    out[2 * (threadIdx.x - threads / 2) + which] = sums[which];
}

/// A barrier of libcu++ that waits for threads and their copies.
__global__ void barrier_sums(const unsigned* in, unsigned* out) {
  __shared__ alignas(16) unsigned buffer[tile];
#pragma nv_diag_suppress static_var_with_dynamic_init
  __shared__ cuda::barrier<cuda::thread_scope_block> barrier;
  const auto block = cg::this_thread_block();
  if (threadIdx.x == 0) init(&barrier, threads);
  block.sync();
  unsigned sum = 0;
  for (int number = 0; number < tiles; ++number) {
    cuda::memcpy_async(block, buffer, in + number * tile, cuda::aligned_size_t<16>(sizeof(buffer)),
                       barrier);
    barrier.arrive_and_wait();
    for (int part = 0; part < 4; ++part) {
      sum = 3 * sum + buffer[(4 * threadIdx.x + part + 77) % tile];
    }
    // Everybody has read, but only who copies next has to know.
    auto token = barrier.arrive();
    barrier.wait(std::move(token));
  }
  out[threadIdx.x] = sum;
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
  compare(pipeline_sums, "cuda::pipeline of a block");
  compare(specialized_warps, "cuda::pipeline with producers and consumers");
  compare(barrier_sums, "cuda::memcpy_async with a cuda::barrier");
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

  Buffer<unsigned> out(threads);
  copies_arrive<<<1, threads>>>(device_in.get(), out.get());
  std::vector<unsigned> pairs(threads);
  for (int i = 0; i < threads; ++i) {
    pairs[i] = 10 * in[threads - 1 - i] + in[2 * threads - 1 - i];
  }
  expect(out.download() == pairs, "copies that arrive at an mbarrier");
  return finish();
}
