// Products of matrices by warpgroups (wgmma), compared with loops of the host. All sums are exact.

#include <cstdint>
#include <random>

#include "check.h"
#include "elements.h"
#include "wgmma.h"

constexpr int group_threads = 128;
constexpr int rows = 128;       // of a block: 64 of each of two warpgroups
constexpr int columns = 32;     // of a block and of an instruction
constexpr int row_bytes = 128;  // of tiles in shared memory
constexpr int chunks = row_bytes / 16;
constexpr int steps = 5;         // tiles along the depth
constexpr int depth_bytes = 32;  // of an instruction

template <typename Sum>
__device__ void store(Sum* c, const Sum (&d)[16]) {
  const int lane = threadIdx.x % 32;
  const int first_row = threadIdx.x / 32 * 16;
  for (int i = 0; i < 16; ++i) {
    const int row = first_row + lane / 4 + i / 2 % 2 * 8;
    c[row * columns + i / 4 * 8 + lane % 4 * 2 + i % 2] = d[i];
  }
}

/// Rows of a and columns of b, 128 bytes each, whose chunks change places within 8 of them.
struct alignas(1024) Tiles {
  uint4 a[rows][chunks];
  uint4 b[columns][chunks];
};

/// The next tiles are brought while products of the last ones are made.
template <typename Elements>
__global__ void product(const uint4* a, const uint4* b, typename Elements::Sum* c) {
  __shared__ Tiles tiles[2];
  const int first_row = threadIdx.x / group_threads * 64;
  typename Elements::Sum d[16] = {};
  for (int step = 0; step < steps; ++step) {
    Tiles& tile = tiles[step % 2];
    for (int i = threadIdx.x; i < rows * chunks; i += blockDim.x) {
      tile.a[i / chunks][i % chunks ^ i / chunks % 8] = a[step * rows * chunks + i];
    }
    for (int i = threadIdx.x; i < columns * chunks; i += blockDim.x) {
      tile.b[i / chunks][i % chunks ^ i / chunks % 8] = b[step * columns * chunks + i];
    }
    fence_proxy();
    __syncthreads();
    keep_in_place(d);
    fence_products();
    for (int chunk = 0; chunk < row_bytes; chunk += depth_bytes) {
      multiply(
          Elements{}, d,
          make_descriptor(shared_address(tile.a[first_row]) + chunk, 16, 8 * row_bytes,
                          Swizzle::bytes_128),
          make_descriptor(shared_address(tile.b) + chunk, 16, 8 * row_bytes, Swizzle::bytes_128));
    }
    commit_products();
    wait_for_products<1>();
    __syncthreads();  // the other group's products of the tile before this one are done, too
  }
  wait_for_products<0>();
  keep_in_place(d);
  store(c, d);
}

constexpr int depth = 64;  // of the product with fragments

/// Rows of a, 128 bytes each, and rows of b along the depth, 64 bytes each.
struct alignas(1024) FragmentTiles {
  uint4 a[rows][chunks];
  uint4 b[depth][chunks / 2];
};

/// a goes through registers, b is read across its rows.
__global__ void product_of_fragments(const uint4* a, const uint4* b, float* c) {
  __shared__ FragmentTiles tile;
  const int lane = threadIdx.x % 32;
  const int first_row = threadIdx.x / 32 * 16;
  for (int i = threadIdx.x; i < rows * chunks; i += blockDim.x) {
    tile.a[i / chunks][i % chunks ^ i / chunks % 8] = a[i];
  }
  for (int i = threadIdx.x; i < depth * chunks / 2; i += blockDim.x) {
    const int row = i / 4;
    tile.b[row][i % 4 ^ row / 2 % 4] = b[i];
  }
  fence_proxy();
  __syncthreads();
  uint32_t of_a[depth / 16][4];
  for (int k = 0; k < depth / 16; ++k) {
    const int row = first_row + lane % 16;
    const int chunk = 2 * k + lane / 16;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(of_a[k][0]), "=r"(of_a[k][1]), "=r"(of_a[k][2]), "=r"(of_a[k][3])
                 : "r"(shared_address(&tile.a[row][chunk ^ row % 8]))
                 : "memory");
  }
  float d[16] = {};
  keep_in_place(d);
  fence_products();
  for (int k = 0; k < depth / 16; ++k) {
    multiply_fragments(
        d, of_a[k], make_descriptor(shared_address(tile.b[16 * k]), 16, 8 * 64, Swizzle::bytes_64));
  }
  commit_products();
  wait_for_products<0>();
  keep_in_place(d);
  store(c, d);
}

template <typename Elements>
void test_product(const char* what) {
  std::mt19937 generator(14);
  std::vector<unsigned char> a(steps * rows * row_bytes), b(steps * columns * row_bytes);
  Elements::fill(a, generator);
  Elements::fill(b, generator);
  Buffer<unsigned char> device_a(a), device_b(b);
  Buffer<typename Elements::Sum> c(rows * columns);
  product<Elements><<<1, 2 * group_threads>>>(reinterpret_cast<const uint4*>(device_a.get()),
                                              reinterpret_cast<const uint4*>(device_b.get()),
                                              c.get());
  const auto result = c.download();
  bool same = true;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      int sum = 0;
      for (int step = 0; step < steps; ++step) {
        const unsigned char* const of_a = &a[(step * rows + row) * row_bytes];
        const unsigned char* const of_b = &b[(step * columns + column) * row_bytes];
        for (int i = 0; i < 8 * row_bytes / Elements::bits; ++i) {
          sum += Elements::get(of_a, i) * Elements::get(of_b, i);
        }
      }
      same = same && result[row * columns + column] == static_cast<typename Elements::Sum>(sum);
    }
  }
  expect(same, what);
}

void test_product_of_fragments() {
  std::mt19937 generator(15);
  std::vector<unsigned char> a(rows * row_bytes), b(depth * row_bytes / 2);
  Halves::fill(a, generator);
  Halves::fill(b, generator);
  Buffer<unsigned char> device_a(a), device_b(b);
  Buffer<float> c(rows * columns);
  product_of_fragments<<<1, 2 * group_threads>>>(reinterpret_cast<const uint4*>(device_a.get()),
                                                 reinterpret_cast<const uint4*>(device_b.get()),
                                                 c.get());
  const auto result = c.download();
  bool same = true;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      int sum = 0;
      for (int i = 0; i < depth; ++i) {
        sum += Halves::get(&a[row * row_bytes], i) * Halves::get(&b[i * row_bytes / 2], column);
      }
      same = same && result[row * columns + column] == static_cast<float>(sum);
    }
  }
  expect(same, "product of fragments");
}

int main() {
  test_product<Halves>("product of halves");
  test_product<Bytes>("product of bytes");
  test_product<Bits>("product of bits");
  test_product_of_fragments();
  return finish();
}
