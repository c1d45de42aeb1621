// Products of matrices on tensor cores, compared with loops of the host: tiles in swizzled shared
// memory, read by ldmatrix and multiplied by mma. All sums are exact.

#include <cstdint>
#include <random>

#include "check.h"
#include "elements.h"
#include "shared_memory.h"

using std::uint32_t;

constexpr int side = 64;                // rows and columns of a block's tile
constexpr int row_bytes = 128;          // of a row of a tile in shared memory
constexpr int chunks = row_bytes / 16;  // of a row: what a lane of ldmatrix addresses
constexpr int steps = 2;                // tiles along the depth

/// d += a b, with fragments of one mma: a is 16 rows, b 8 columns, both 32 bytes deep.
__device__ void multiply(Halves, float (&d)[4], const uint32_t (&a)[4], const uint32_t* b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ void multiply(Bytes, int (&d)[4], const uint32_t (&a)[4], const uint32_t* b) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ void multiply(Bits, int (&d)[4], const uint32_t (&a)[4], const uint32_t* b) {
  asm("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, "
      "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/// Whether rows of b in memory are those of its depth, instead of its columns.
template <typename Elements>
constexpr bool b_is_by_depth = Elements::bits == 16;

struct Tile {
  uint4 data[side][chunks];
  /// Chunks of a row change places, so that those of one column lie in different banks.
  __device__ uint4& at(int row, int chunk) { return data[row][chunk ^ (row % chunks)]; }
};

template <bool is_transposed>
__device__ void load_matrices(uint32_t (&to)[4], Tile& tile, int row, int chunk) {
  const uint32_t address = shared_address(&tile.at(row, chunk));
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
        if constexpr (b_is_by_depth<Elements>) {
          load_matrices<true>(of_b, tile_b, 8 * chunk + lane % 16, column / 8 + lane / 16);
        } else {
          load_matrices<false>(of_b, tile_b, column + lane / 16 * 8 + lane % 8,
                               chunk + lane / 8 % 2);
        }
        multiply(Elements{}, sums[column / 8], of_a, of_b);
        multiply(Elements{}, sums[column / 8 + 1], of_a, of_b + 2);
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

template <typename Elements>
void test_product(const char* what) {
  constexpr std::size_t tile_bytes = side * row_bytes;
  std::mt19937 generator(11);
  std::vector<unsigned char> a(steps * tile_bytes), b(steps * tile_bytes);
  Elements::fill(a, generator);
  Elements::fill(b, generator);
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
        for (int i = 0; i < 8 * row_bytes / Elements::bits; ++i) {
          sum += Elements::get(of_a + row * row_bytes, i) *
                 (b_is_by_depth<Elements> ? Elements::get(of_b + i * row_bytes, column)
                                          : Elements::get(of_b + column * row_bytes, i));
        }
      }
      same = same && result[row * side + column] == static_cast<typename Elements::Sum>(sum);
    }
  }
  expect(same, what);
}

int main() {
  test_product<Halves>("product of halves");
  test_product<Bytes>("product of bytes");
  test_product<Bits>("product of bits");
  return finish();
}
