// Planted faults in matrix instructions, as in faults.cu.

#include <mma.h>

#include <cstdint>

#include "check.h"
#include "planted_fault.h"
#include "shared_memory.h"

constexpr int threads = 64;
constexpr int row_bytes = 16;  // of a matrix in shared memory
constexpr int words = 8 * row_bytes / 4;

/// Loads a matrix of 8 x 8 elements of 16 bits; lanes 0 to 7 have the addresses of its rows.
__device__ std::uint32_t load_matrix(const void* row) {
  std::uint32_t result;
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
               : "=r"(result)
               : "r"(shared_address(row))
               : "memory");
  return result;
}

__device__ void multiply_bytes(int (&d)[2], std::uint32_t a, std::uint32_t b) {
  asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
               : "+r"(d[0]), "+r"(d[1])
               : "r"(a), "r"(b));
}

// EXPECT misaligned_row: misaligned access of 16 bytes at 0x4 | block (0, 0, 0) | thread (32, 0, 0)
__global__ void misaligned_row(std::uint32_t* out, bool fault) {
  __shared__ alignas(16) unsigned char tile[2 * words * 4];
  const int i = threadIdx.x;
  reinterpret_cast<std::uint32_t*>(tile)[i] = i;
  __syncthreads();
  out[i] = load_matrix(tile + i % 8 * row_bytes + (fault ? 4 : 0));  // LINE misaligned_row
}

// EXPECT row_out_of_bounds: access of 16 bytes at shared offset 256 | out of bounds | thread (36,
// 0, 0)
__global__ void row_out_of_bounds(std::uint32_t* out, bool fault) {
  __shared__ alignas(16) std::uint32_t tile[2 * words];
  const int i = threadIdx.x;
  tile[i] = i;
  __syncthreads();
  // A pitch of 64 bytes instead of 32.
  out[i] = load_matrix(tile + i % 8 * (fault ? 16 : 8));  // LINE row_out_of_bounds
}

// EXPECT matrix_race: race: | with no barrier between them | block (0, 0, 0) | thread (32, 0, 0)
__global__ void matrix_race(std::uint32_t* out, bool fault) {
  __shared__ alignas(16) std::uint32_t tile[words];
  const int i = threadIdx.x;
  if (i < 32) tile[i] = i;
  if (!fault) __syncthreads();
  out[i] = load_matrix(tile + i % 8 * 4);  // LINE matrix_race
}

// EXPECT divergent_product: all 32 lanes of a warp have to run a matrix instruction, but lane 20
// has exited or was not launched | block (0, 0, 0) | thread (0, 0, 0)
__global__ void divergent_product(std::uint32_t* out, bool fault) {
  const int i = threadIdx.x;
  if (fault && i % 32 >= 20) return;
  int d[2] = {};
  multiply_bytes(d, i, i);  // LINE divergent_product
  out[i] = d[0] + d[1];
}

// EXPECT missing_lane: the member mask names lanes that do not take part | thread (0, 0, 0)
__global__ void missing_lane(std::uint32_t* out, bool fault) {
  const int i = threadIdx.x;
  int d[2] = {};
  if (!fault || i % 32 != 7) {
    multiply_bytes(d, i, i);  // LINE missing_lane
  }
  __syncwarp();
  out[i] = d[0] + d[1];
}

// EXPECT misaligned_fragment: wmma: address 0x10, a multiple of 32 bytes expected | block (0, 0, 0)
// | thread (32, 0, 0)
__global__ void misaligned_fragment(std::uint32_t* out, bool fault) {
  using namespace nvcuda;
  __shared__ alignas(32) __half tile[16 * 24 + 8];
  const int i = threadIdx.x;
  for (int at = i; at < 16 * 24 + 8; at += threads) tile[at] = __int2half_rn(at % 4);
  __syncthreads();
  wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> fragment;
  wmma::load_matrix_sync(fragment, tile + (fault ? 8 : 0), 24);  // LINE misaligned_fragment
  out[i] = static_cast<std::uint32_t>(__half2int_rn(fragment.x[0]));
}

// EXPECT narrow_stride: wmma: stride of 20 elements, a multiple of 8 expected | thread (32, 0, 0)
__global__ void narrow_stride(std::uint32_t* out, bool fault) {
  using namespace nvcuda;
  __shared__ alignas(32) __half tile[16 * 24];
  const int i = threadIdx.x;
  for (int at = i; at < 16 * 24; at += threads) tile[at] = __int2half_rn(at % 4);
  __syncthreads();
  wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::row_major> fragment;
  wmma::load_matrix_sync(fragment, tile, fault ? 20 : 24);  // LINE narrow_stride
  out[i] = static_cast<std::uint32_t>(__half2int_rn(fragment.x[0]));
}

int main(int argc, char** argv) {
  const auto [name, fault] = planted_fault(argc, argv);
  Buffer<std::uint32_t> out(threads);
  const auto run = [&](const char* own_name, auto kernel) {
    if (name == own_name) kernel<<<1, threads>>>(out.get(), fault);
  };
  run("misaligned_row", misaligned_row);
  run("row_out_of_bounds", row_out_of_bounds);
  run("matrix_race", matrix_race);
  run("divergent_product", divergent_product);
  run("missing_lane", missing_lane);
  run("misaligned_fragment", misaligned_fragment);
  run("narrow_stride", narrow_stride);
  return finish();
}
