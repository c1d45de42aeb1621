// The kinds of kernel that binary networks need: a tiled product of bits, packing by ballot,
// channel sums by shuffles and atomics, and tensor cores on bits through inline PTX.

#include <cstdint>
#include <random>

#include "check.h"

constexpr int tile = 16;

/// c[m][n] = bits - 2 popc(a[m] ^ b[n]); rows of `words` words.
__global__ void xnor_product(const std::uint32_t* a, const std::uint32_t* b, int* c, int rows,
                             int columns, int words) {
  extern __shared__ std::uint32_t tiles[];
  std::uint32_t* const tile_a = tiles;
  std::uint32_t* const tile_b = tiles + tile * tile;
  const int x = threadIdx.x;
  const int y = threadIdx.y;
  const int row = blockIdx.y * tile + y;
  const int column = blockIdx.x * tile + x;
  const int row_of_b = blockIdx.x * tile + y;
  int differing = 0;
  for (int first = 0; first < words; first += tile) {
    const bool in_words = first + x < words;
    tile_a[y * tile + x] = in_words && row < rows ? a[row * words + first + x] : 0;
    tile_b[y * tile + x] = in_words && row_of_b < columns ? b[row_of_b * words + first + x] : 0;
    __syncthreads();
#pragma unroll
    for (int k = 0; k < tile; ++k) differing += __popc(tile_a[y * tile + k] ^ tile_b[x * tile + k]);
    __syncthreads();
  }
  if (row < rows && column < columns) c[row * columns + column] = 32 * words - 2 * differing;
}

__global__ void pack_signs(const float* x, std::uint32_t* bits, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const unsigned word = __ballot_sync(0xFFFFFFFF, i < count && x[i] >= 0);
  if (threadIdx.x % 32 == 0 && i < count) bits[i / 32] = word;
}

/// Sums of each channel of x[image][channel][pixel].
__global__ void channel_sums(const float* x, float* sums, int images, int channels, int pixels) {
  __shared__ float of_warp[32];
  const int channel = blockIdx.x;
  float sum = 0;
  for (int i = threadIdx.x; i < images * pixels; i += blockDim.x) {
    sum += x[(i / pixels * channels + channel) * pixels + i % pixels];
  }
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xFFFFFFFF, sum, offset);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = threadIdx.x < blockDim.x / 32 ? of_warp[threadIdx.x] : 0;
    for (int offset = 16; offset > 0; offset /= 2) {
      sum += __shfl_down_sync(0xFFFFFFFF, sum, offset);
    }
    if (threadIdx.x == 0) atomicAdd(&sums[channel], sum);
  }
}

/// One warp for 16 x 8 values: c[m][n] = popc(a[m] op b[n]).
template <bool is_and>
__global__ void tensor_product(const std::uint32_t* a, const std::uint32_t* b, int* c, int columns,
                               int words) {
#if __CUDA_ARCH__ >= 800
  const int group = threadIdx.x / 4;
  const int within = threadIdx.x % 4;
  const int row = blockIdx.y * 16 + group;
  const int column = blockIdx.x * 8 + group;
  int sums[4] = {0, 0, 0, 0};
  for (int word = within; word < words; word += 8) {
    const std::uint32_t a0 = a[row * words + word];
    const std::uint32_t a1 = a[(row + 8) * words + word];
    const std::uint32_t a2 = a[row * words + word + 4];
    const std::uint32_t a3 = a[(row + 8) * words + word + 4];
    const std::uint32_t b0 = b[column * words + word];
    const std::uint32_t b1 = b[column * words + word + 4];
    if constexpr (is_and) {
      asm volatile(
          "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc "
          "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
          : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
          : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    } else {
      asm volatile(
          "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.xor.popc "
          "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
          : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
          : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    }
  }
  const int first = blockIdx.x * 8 + 2 * within;
  c[row * columns + first] = sums[0];
  c[row * columns + first + 1] = sums[1];
  c[(row + 8) * columns + first] = sums[2];
  c[(row + 8) * columns + first + 1] = sums[3];
#endif
}

std::mt19937 generator(7);

std::vector<std::uint32_t> random_words(std::size_t count) {
  std::vector<std::uint32_t> words(count);
  for (std::uint32_t& word : words) word = generator();
  return words;
}

std::vector<float> random_floats(std::size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(generator() % 2001) / 1000.0F - 1.0F;
  return values;
}

void test_xnor_product() {
  const int rows = 37, columns = 50, words = 21;
  const auto a = random_words(rows * words);
  const auto b = random_words(columns * words);
  Buffer<std::uint32_t> device_a(a), device_b(b);
  Buffer<int> c(rows * columns);
  const dim3 grid((columns + tile - 1) / tile, (rows + tile - 1) / tile);
  xnor_product<<<grid, dim3(tile, tile), 2 * tile * tile * sizeof(std::uint32_t)>>>(
      device_a.get(), device_b.get(), c.get(), rows, columns, words);
  const std::vector<int> result = c.download();
  bool same = true;
  for (int m = 0; m < rows; ++m) {
    for (int n = 0; n < columns; ++n) {
      int expected = 32 * words;
      for (int k = 0; k < words; ++k) {
        expected -= 2 * __builtin_popcount(a[m * words + k] ^ b[n * words + k]);
      }
      same = same && result[m * columns + n] == expected;
    }
  }
  expect(same, "xnor_product");
}

void test_pack_signs() {
  const int count = 1000;
  const auto x = random_floats(count);
  Buffer<float> device_x(x);
  Buffer<std::uint32_t> bits((count + 31) / 32);
  pack_signs<<<4, 256>>>(device_x.get(), bits.get(), count);
  const auto result = bits.download();
  bool same = true;
  for (int i = 0; i < count; ++i) same = same && (result[i / 32] >> i % 32 & 1) == (x[i] >= 0);
  expect(same, "pack_signs");
}

void test_channel_sums() {
  const int images = 3, channels = 5, pixels = 77;
  const auto x = random_floats(images * channels * pixels);
  Buffer<float> device_x(x);
  Buffer<float> sums(std::vector<float>(channels, 0.0F));
  channel_sums<<<channels, 96>>>(device_x.get(), sums.get(), images, channels, pixels);
  const auto result = sums.download();
  for (int channel = 0; channel < channels; ++channel) {
    double expected = 0;
    for (int image = 0; image < images; ++image) {
      for (int pixel = 0; pixel < pixels; ++pixel) {
        expected += x[(image * channels + channel) * pixels + pixel];
      }
    }
    // 231 additions of values below 1 in single precision.
    expect(std::abs(result[channel] - expected) < 1e-4, "channel_sums");
  }
}

template <bool is_and>
void test_tensor_product() {
  const int rows = 32, columns = 24, words = 16;
  const auto a = random_words(rows * words);
  const auto b = random_words(columns * words);
  Buffer<std::uint32_t> device_a(a), device_b(b);
  Buffer<int> c(rows * columns);
  tensor_product<is_and><<<dim3(columns / 8, rows / 16), 32>>>(device_a.get(), device_b.get(),
                                                               c.get(), columns, words);
  const std::vector<int> result = c.download();
  bool same = true;
  for (int m = 0; m < rows; ++m) {
    for (int n = 0; n < columns; ++n) {
      int expected = 0;
      for (int k = 0; k < words; ++k) {
        const std::uint32_t x = a[m * words + k];
        const std::uint32_t y = b[n * words + k];
        expected += __builtin_popcount(is_and ? x & y : x ^ y);
      }
      same = same && result[m * columns + n] == expected;
    }
  }
  expect(same, is_and ? "tensor_product of and" : "tensor_product of xor");
}

int main() {
  test_xnor_product();
  test_pack_signs();
  test_channel_sums();
  cudaDeviceProp properties;
  require(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  if (properties.major >= 8) {
    test_tensor_product<false>();
    test_tensor_product<true>();
  }
  return finish();
}
