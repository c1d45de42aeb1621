// The programs that every introduction to CUDA has, written anew from what they are known to do:
// vector sum, dot products, reduction, tiled matrix product, three transposes, separable
// convolution, histogram with shared atomics, n bodies, Mandelbrot set. Each against a loop.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include "check.h"

std::mt19937 generator(5);

std::vector<float> random_floats(std::size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(generator() % 2001) / 1000.0F - 1.0F;
  return values;
}

bool close(const std::vector<float>& values, const std::vector<double>& expected,
           double tolerance) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!(std::abs(values[i] - expected[i]) <= tolerance)) return false;
  }
  return values.size() == expected.size();
}

unsigned blocks_for(std::size_t count, unsigned threads) {
  return static_cast<unsigned>((count + threads - 1) / threads);
}

__global__ void add_vectors(const float* a, const float* b, float* c, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) c[i] = a[i] + b[i];
}

void test_vector_sum() {
  for (const int count : {1, 255, 50000}) {
    const auto a = random_floats(count), b = random_floats(count);
    Buffer<float> device_a(a), device_b(b), c(count);
    add_vectors<<<blocks_for(count, 256), 256>>>(device_a.get(), device_b.get(), c.get(), count);
    std::vector<float> expected(count);
    for (int i = 0; i < count; ++i) expected[i] = a[i] + b[i];
    expect(c.download() == expected, "vector sum");
  }
}

/// One block per pair of vectors: partial sums in shared memory, folded in halves.
__global__ void dot_products(const float* a, const float* b, float* out, int length) {
  __shared__ float sums[128];
  const float* const row_a = a + blockIdx.x * length;
  const float* const row_b = b + blockIdx.x * length;
  float sum = 0;
  for (int i = threadIdx.x; i < length; i += blockDim.x) sum += row_a[i] * row_b[i];
  sums[threadIdx.x] = sum;
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x == 0) out[blockIdx.x] = sums[0];
}

void test_dot_products() {
  const int pairs = 7, length = 1000;
  const auto a = random_floats(pairs * length), b = random_floats(pairs * length);
  Buffer<float> device_a(a), device_b(b), out(pairs);
  dot_products<<<pairs, 128>>>(device_a.get(), device_b.get(), out.get(), length);
  std::vector<double> expected(pairs);
  for (int i = 0; i < pairs * length; ++i) expected[i / length] += double{a[i]} * b[i];
  // 1000 products below 1 in single precision.
  expect(close(out.download(), expected, 1e-3), "dot products");
}

/// Warps fold by shuffles, the first warp folds their sums, and blocks meet in an atomic.
__global__ void sum_integers(const int* x, int* total, int count) {
  __shared__ int of_warp[32];
  int sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    sum += x[i];
  }
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(~0U, sum, offset);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  sum = threadIdx.x < blockDim.x / 32 ? of_warp[threadIdx.x] : 0;
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(~0U, sum, offset);
  if (threadIdx.x == 0) atomicAdd(total, sum);
}

void test_reduction() {
  std::vector<int> x(100003);
  long expected = 0;
  for (int& value : x) expected += value = static_cast<int>(generator() % 2001) - 1000;
  Buffer<int> device_x(x), total(std::vector<int>{0});
  sum_integers<<<20, 256>>>(device_x.get(), total.get(), static_cast<int>(x.size()));
  expect(total.download()[0] == expected, "reduction");
}

template <int tile>
__global__ void multiply(const float* a, const float* b, float* c, int inner, int columns) {
  __shared__ float tile_a[tile][tile], tile_b[tile][tile];
  const int x = threadIdx.x, y = threadIdx.y;
  const int row = blockIdx.y * tile + y, column = blockIdx.x * tile + x;
  float sum = 0;
  for (int first = 0; first < inner; first += tile) {
    tile_a[y][x] = a[row * inner + first + x];
    tile_b[y][x] = b[(first + y) * columns + column];
    __syncthreads();
#pragma unroll
    for (int k = 0; k < tile; ++k) sum += tile_a[y][k] * tile_b[k][x];
    __syncthreads();
  }
  c[row * columns + column] = sum;
}

template <int tile>
void test_matrix_product() {
  const int rows = 2 * tile, inner = 3 * tile, columns = 4 * tile;
  const auto a = random_floats(rows * inner), b = random_floats(inner * columns);
  Buffer<float> device_a(a), device_b(b), c(rows * columns);
  multiply<tile><<<dim3(columns / tile, rows / tile), dim3(tile, tile)>>>(
      device_a.get(), device_b.get(), c.get(), inner, columns);
  std::vector<double> expected(rows * columns);
  for (int m = 0; m < rows; ++m) {
    for (int n = 0; n < columns; ++n) {
      for (int k = 0; k < inner; ++k) {
        expected[m * columns + n] += double{a[m * inner + k]} * b[k * columns + n];
      }
    }
  }
  // 96 products below 1 in single precision.
  expect(close(c.download(), expected, 1e-4), "matrix product");
}

constexpr int side = 32;  // of a tile of the transposes
constexpr int strip = 8;  // rows of threads

__global__ void transpose_naive(const float* in, float* out, int width, int height) {
  const int x = blockIdx.x * side + threadIdx.x;
  for (int y = blockIdx.y * side + threadIdx.y, i = 0; i < side; i += strip) {
    out[x * height + y + i] = in[(y + i) * width + x];
  }
}

/// With a padding of one column the reads of columns meet no bank twice.
template <int padding>
__global__ void transpose_tiled(const float* in, float* out, int width, int height) {
  __shared__ float tile[side][side + padding];
  int x = blockIdx.x * side + threadIdx.x;
  int y = blockIdx.y * side + threadIdx.y;
  for (int i = 0; i < side; i += strip)
    tile[threadIdx.y + i][threadIdx.x] = in[(y + i) * width + x];
  __syncthreads();
  x = blockIdx.y * side + threadIdx.x;
  y = blockIdx.x * side + threadIdx.y;
  for (int i = 0; i < side; i += strip) {
    out[(y + i) * height + x] = tile[threadIdx.x][threadIdx.y + i];
  }
}

void test_transposes() {
  const int width = 96, height = 64;
  const auto in = random_floats(width * height);
  std::vector<float> expected(in.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) expected[x * height + y] = in[y * width + x];
  }
  Buffer<float> device_in(in);
  const dim3 grid(width / side, height / side), block(side, strip);
  using Kernel = void (*)(const float*, float*, int, int);
  for (const Kernel kernel :
       {Kernel{transpose_naive}, Kernel{transpose_tiled<0>}, Kernel{transpose_tiled<1>}}) {
    Buffer<float> out(in.size());
    kernel<<<grid, block>>>(device_in.get(), out.get(), width, height);
    expect(out.download() == expected, "transpose");
  }
}

constexpr int radius = 4;
__constant__ float weights[2 * radius + 1];

/// Along rows or columns by the strides; the borders are zero.
__global__ void convolve(const float* in, float* out, int length, int along, int across) {
  extern __shared__ float line[];
  const float* const from = in + blockIdx.x * across;
  for (int i = threadIdx.x; i < length + 2 * radius; i += blockDim.x) {
    const int at = i - radius;
    line[i] = at >= 0 && at < length ? from[at * along] : 0;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < length; i += blockDim.x) {
    float sum = 0;
    for (int k = 0; k <= 2 * radius; ++k) sum += line[i + k] * weights[k];
    out[blockIdx.x * across + i * along] = sum;
  }
}

void test_convolution() {
  const int width = 75, height = 41;
  const auto in = random_floats(width * height), taps = random_floats(2 * radius + 1);
  require(cudaMemcpyToSymbol(weights, taps.data(), sizeof(weights)), "weights");
  Buffer<float> device_in(in), rows(in.size()), out(in.size());
  const auto bytes = [](int length) { return (length + 2 * radius) * sizeof(float); };
  convolve<<<height, 64, bytes(width)>>>(device_in.get(), rows.get(), width, 1, width);
  convolve<<<width, 64, bytes(height)>>>(rows.get(), out.get(), height, width, 1);
  std::vector<double> expected(in.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int j = -radius; j <= radius; ++j) {
        for (int i = -radius; i <= radius; ++i) {
          if (y + j < 0 || y + j >= height || x + i < 0 || x + i >= width) continue;
          expected[y * width + x] +=
              double{in[(y + j) * width + x + i]} * taps[i + radius] * taps[j + radius];
        }
      }
    }
  }
  // Twice nine products of values up to nine.
  expect(close(out.download(), expected, 1e-4), "separable convolution");
}

__global__ void count_bytes(const std::uint32_t* words, unsigned* counts, int count) {
  __shared__ unsigned of_block[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x) of_block[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    for (int byte = 0; byte < 4; ++byte) atomicAdd(&of_block[words[i] >> (8 * byte) & 0xFF], 1);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&counts[i], of_block[i]);
}

void test_histogram() {
  std::vector<std::uint32_t> words(5003);
  std::vector<unsigned> expected(256);
  for (std::uint32_t& word : words) {
    word = generator() & generator();  // not uniform
    for (int byte = 0; byte < 4; ++byte) ++expected[word >> (8 * byte) & 0xFF];
  }
  Buffer<std::uint32_t> device_words(words);
  Buffer<unsigned> counts(std::vector<unsigned>(256, 0));
  count_bytes<<<6, 192>>>(device_words.get(), counts.get(), static_cast<int>(words.size()));
  expect(counts.download() == expected, "histogram");
}

/// Gravity of all bodies on each, softened; the mass is in w. Bodies come in tiles.
__global__ void accelerate(const float4* bodies, float3* out, int count) {
  __shared__ float4 tile[64];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const float4 own = i < count ? bodies[i] : float4{};
  float3 sum{0, 0, 0};
  for (int first = 0; first < count; first += blockDim.x) {
    const int other = first + threadIdx.x;
    tile[threadIdx.x] = other < count ? bodies[other] : float4{0, 0, 0, 0};
    __syncthreads();
    for (int k = 0; k < blockDim.x; ++k) {
      const float dx = tile[k].x - own.x, dy = tile[k].y - own.y, dz = tile[k].z - own.z;
      const float inverse = rsqrtf(dx * dx + dy * dy + dz * dz + 0.01F);
      const float pull = tile[k].w * inverse * inverse * inverse;
      sum.x += dx * pull, sum.y += dy * pull, sum.z += dz * pull;
    }
    __syncthreads();
  }
  if (i < count) out[i] = sum;
}

void test_bodies() {
  const int count = 150;
  std::vector<float4> bodies(count);
  for (float4& body : bodies) {
    const auto x = random_floats(4);
    body = {x[0], x[1], x[2], std::abs(x[3]) / count};
  }
  Buffer<float4> device_bodies(bodies);
  Buffer<float3> out(count);
  accelerate<<<blocks_for(count, 64), 64>>>(device_bodies.get(), out.get(), count);
  const auto result = out.download();
  for (int i = 0; i < count; ++i) {
    double sum[3] = {};
    for (const float4& other : bodies) {
      const double d[3] = {double{other.x} - bodies[i].x, double{other.y} - bodies[i].y,
                           double{other.z} - bodies[i].z};
      const double square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + double{0.01F};
      for (int k = 0; k < 3; ++k) sum[k] += other.w * d[k] / (square * std::sqrt(square));
    }
    // 150 pulls below 0.3 are added.
    const bool same = std::abs(result[i].x - sum[0]) < 1e-4 &&
                      std::abs(result[i].y - sum[1]) < 1e-4 &&
                      std::abs(result[i].z - sum[2]) < 1e-4;
    expect(same, "n bodies");
  }
}

/// Rounds of z = z z + c before |z| > 2, at most 255. Products and sums are rounded one by one, so
/// that the host has the same values.
__host__ __device__ int rounds_at(double real, double imaginary) {
  double x = 0, y = 0;
  for (int round = 0; round < 255; ++round) {
#ifdef __CUDA_ARCH__
    const double xx = __dmul_rn(x, x), yy = __dmul_rn(y, y), xy = __dmul_rn(x, y);
    if (__dadd_rn(xx, yy) > 4) return round;
    y = __dadd_rn(__dadd_rn(xy, xy), imaginary);
    x = __dadd_rn(__dsub_rn(xx, yy), real);
#else
    const double xx = x * x, yy = y * y, xy = x * y;
    if (xx + yy > 4) return round;
    y = (xy + xy) + imaginary;
    x = (xx - yy) + real;
#endif
  }
  return 255;
}

__global__ void mandelbrot(std::uint8_t* image, int width, int height) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  image[y * width + x] = rounds_at(-2 + 2.7 * x / width, -1.2 + 2.4 * y / height);
}

void test_mandelbrot() {
  const int width = 101, height = 67;
  Buffer<std::uint8_t> image(width * height);
  mandelbrot<<<dim3(blocks_for(width, 16), blocks_for(height, 8)), dim3(16, 8)>>>(image.get(),
                                                                                  width, height);
  const auto result = image.download();
  int inside = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int expected = rounds_at(-2 + 2.7 * x / width, -1.2 + 2.4 * y / height);
      inside += expected == 255;
      expect(result[y * width + x] == expected, "Mandelbrot set");
    }
  }
  expect(inside > 500 && inside < 4000, "area of the Mandelbrot set");
}

int main() {
  test_vector_sum();
  test_dot_products();
  test_reduction();
  test_matrix_product<16>();
  test_matrix_product<32>();
  test_transposes();
  test_convolution();
  test_histogram();
  test_bodies();
  test_mandelbrot();
  return finish();
}
