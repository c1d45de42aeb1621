// Products of matrices on tensor cores, compared with loops of the host: tiles in swizzled shared
// memory, read by ldmatrix and multiplied by mma. All sums are exact.

#include <cuda_fp16.h>

#include <cstdint>
#include <cstring>
#include <random>

#include "check.h"

using std::int8_t;
using std::uint32_t;

constexpr int side = 64;                // rows and columns of a block's tile
constexpr int row_bytes = 128;          // of a row of a tile in shared memory
constexpr int chunks = row_bytes / 16;  // of a row: what a lane of ldmatrix addresses
constexpr int steps = 2;                // tiles along the depth

/// Fragments of one mma: a is 16 rows, b 8 columns, both 32 bytes deep.
struct Halves {
  using Sum = float;
  static constexpr bool b_is_by_depth = true;  // rows of b in memory are those of its depth
  static __device__ void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t* b) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
};

struct Bytes {
  using Sum = int;
  static constexpr bool b_is_by_depth = false;
  static __device__ void multiply(int (&d)[4], const uint32_t (&a)[4], const uint32_t* b) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
};

struct Bits {
  using Sum = int;
  static constexpr bool b_is_by_depth = false;
  static __device__ void multiply(int (&d)[4], const uint32_t (&a)[4], const uint32_t* b) {
    asm("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
};

struct Tile {
  uint4 data[side][chunks];
  /// Chunks of a row change places, so that those of one column lie in different banks.
  __device__ uint4& at(int row, int chunk) { return data[row][chunk ^ (row % chunks)]; }
};

template <bool is_transposed>
__device__ void load_matrices(uint32_t (&to)[4], Tile& tile, int row, int chunk) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(&tile.at(row, chunk)));
  if constexpr (is_transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
  }
}

/// A warp has 16 rows of the block's 64 x 64. a and b are tiles one behind the other.
template <typename Elements>
__global__ void product(const uint4* a, const uint4* b, typename Elements::Sum* c) {
  __shared__ Tile tile_a, tile_b;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  typename Elements::Sum sums[side / 8][4] = {};
  for (int step = 0; step < steps; ++step) {
    for (int i = threadIdx.x; i < side * chunks; i += blockDim.x) {
      tile_a.at(i / chunks, i % chunks) = a[step * side * chunks + i];
      tile_b.at(i / chunks, i % chunks) = b[step * side * chunks + i];
    }
    __syncthreads();
    for (int chunk = 0; chunk < chunks; chunk += 2) {
      uint32_t of_a[4];
      load_matrices<false>(of_a, tile_a, 16 * warp + lane % 16, chunk + lane / 16);
      for (int column = 0; column < side; column += 16) {
        uint32_t of_b[4];
        if constexpr (Elements::b_is_by_depth) {
          load_matrices<true>(of_b, tile_b, 8 * chunk + lane % 16, column / 8 + lane / 16);
        } else {
          load_matrices<false>(of_b, tile_b, column + lane / 16 * 8 + lane % 8,
                               chunk + lane / 8 % 2);
        }
        Elements::multiply(sums[column / 8], of_a, of_b);
        Elements::multiply(sums[column / 8 + 1], of_a, of_b + 2);
      }
    }
    __syncthreads();
  }
  for (int column = 0; column < side; column += 8) {
    for (int i = 0; i < 4; ++i) {
      const int row = 16 * warp + lane / 4 + i / 2 * 8;
      c[row * side + column + lane % 4 * 2 + i % 2] = sums[column / 8][i];
    }
  }
}

/// Element `index` of a row that starts at `row`.
int element(Halves, const unsigned char* row, int index) {
  __half value;
  std::memcpy(&value, row + 2 * index, 2);
  return static_cast<int>(__half2float(value));
}
int element(Bytes, const unsigned char* row, int index) { return static_cast<int8_t>(row[index]); }
int element(Bits, const unsigned char* row, int index) { return row[index / 8] >> index % 8 & 1; }

int depth_of_tile(Halves) { return row_bytes / 2; }
int depth_of_tile(Bytes) { return row_bytes; }
int depth_of_tile(Bits) { return 8 * row_bytes; }

void fill(Halves, std::vector<unsigned char>& bytes, std::mt19937& generator) {
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const __half value = __float2half(static_cast<float>(generator() % 65) - 32);
    std::memcpy(&bytes[i], &value, 2);
  }
}
template <typename Elements>
void fill(Elements, std::vector<unsigned char>& bytes, std::mt19937& generator) {
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(generator());
}

template <typename Elements>
void test_product(Elements elements, const char* what) {
  constexpr std::size_t tile_bytes = side * row_bytes;
  std::mt19937 generator(11);
  std::vector<unsigned char> a(steps * tile_bytes), b(steps * tile_bytes);
  fill(elements, a, generator);
  fill(elements, b, generator);
  Buffer<unsigned char> device_a(a), device_b(b);
  Buffer<typename Elements::Sum> c(side * side);
  product<Elements><<<1, 128>>>(reinterpret_cast<const uint4*>(device_a.get()),
                                reinterpret_cast<const uint4*>(device_b.get()), c.get());
  const auto result = c.download();
  bool same = true;
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      int sum = 0;
      for (int step = 0; step < steps; ++step) {
        const unsigned char* const of_a = &a[step * tile_bytes];
        const unsigned char* const of_b = &b[step * tile_bytes];
        for (int i = 0; i < depth_of_tile(elements); ++i) {
          sum += element(elements, of_a + row * row_bytes, i) *
                 (Elements::b_is_by_depth ? element(elements, of_b + i * row_bytes, column)
                                          : element(elements, of_b + column * row_bytes, i));
        }
      }
      same = same && result[row * side + column] == static_cast<typename Elements::Sum>(sum);
    }
  }
  expect(same, what);
}

int main() {
  test_product(Halves{}, "product of halves");
  test_product(Bytes{}, "product of bytes");
  test_product(Bits{}, "product of bits");
  return finish();
}
