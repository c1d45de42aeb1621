// What nvcc makes of ordinary device code: functions and recursion, local arrays, variables,
// 64-bit and floating-point arithmetic, the mathematical library, half precision, switches, printf.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "check.h"

struct Record {
  int number;
  double factor;
  char letters[5];
};

__constant__ int table[4] = {10, 20, 30, 40};
__device__ Record record = {3, 2.5, {'a', 'b'}};
__device__ unsigned counter;
__device__ int* indirect;

__device__ __noinline__ double scaled(Record r, double x) { return r.number * x + r.factor; }
__device__ __noinline__ unsigned fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
__device__ __noinline__ void fill(int* values, int count, int first) {
  for (int i = 0; i < count; ++i) values[i] = first + i;
}

__global__ void functions(double* out, unsigned* sequence, Record argument) {
  const int i = threadIdx.x;
  int local[9];
  fill(local, 9, i);
  Record copy = argument;
  copy.number += table[i % 4];
  out[i] = scaled(copy, local[i % 9]) + record.factor + record.letters[1];
  sequence[i] = fibonacci(i % 12);
  atomicAdd(&counter, 2);
}

void test_functions() {
  const int count = 64;
  Buffer<double> out(count);
  Buffer<unsigned> sequence(count);
  const unsigned start = 5;
  require(cudaMemcpyToSymbol(counter, &start, sizeof(start)), "cudaMemcpyToSymbol");
  functions<<<1, count>>>(out.get(), sequence.get(), Record{7, 0.5, {}});
  const auto values = out.download();
  const auto numbers = sequence.download();
  const int host_table[4] = {10, 20, 30, 40};
  unsigned fibonacci_numbers[12] = {0, 1};
  for (int i = 2; i < 12; ++i) {
    fibonacci_numbers[i] = fibonacci_numbers[i - 1] + fibonacci_numbers[i - 2];
  }
  for (int i = 0; i < count; ++i) {
    const double expected =
        (7 + host_table[i % 4]) * static_cast<double>(i + i % 9) + 0.5 + 2.5 + 'b';
    expect(values[i] == expected, "functions");
    expect(numbers[i] == fibonacci_numbers[i % 12], "recursion");
  }
  unsigned total = 0;
  require(cudaMemcpyFromSymbol(&total, counter, sizeof(total)), "cudaMemcpyFromSymbol");
  expect(total == 5 + 2 * count, "atomics on a variable");
}

__global__ void integers(const std::int64_t* a, const std::int64_t* b, std::int64_t* out) {
  const int i = threadIdx.x;
  const std::uint64_t x = a[i];
  const std::uint64_t y = b[i];
  out[8 * i] = a[i] / b[i];
  out[8 * i + 1] = a[i] % b[i];
  out[8 * i + 2] = static_cast<std::int64_t>(__umul64hi(x, y));
  out[8 * i + 3] = __popcll(x) + 100 * __clzll(y) + 10000 * __ffsll(a[i]);
  out[8 * i + 4] = static_cast<std::int64_t>(__brevll(x));
  out[8 * i + 5] = static_cast<std::int16_t>(a[i]) * static_cast<std::int8_t>(b[i]);
  out[8 * i + 6] = a[i] >> (b[i] & 63);
  out[8 * i + 7] = static_cast<std::int64_t>(__byte_perm(x, y, 0x5140));
}

void test_integers() {
  std::vector<std::int64_t> a, b;
  std::uint64_t state = 88172645463325252ULL;
  for (int i = 0; i < 128; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    a.push_back(static_cast<std::int64_t>(state) >> i % 60);
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    b.push_back((static_cast<std::int64_t>(state) >> (i * 7) % 60) | 1);
  }
  Buffer<std::int64_t> device_a(a), device_b(b), out(8 * a.size());
  integers<<<1, 128>>>(device_a.get(), device_b.get(), out.get());
  const auto result = out.download();
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::uint64_t x = a[i], y = b[i];
    std::uint64_t reversed = 0;
    for (int bit = 0; bit < 64; ++bit) reversed |= (x >> bit & 1) << (63 - bit);
    std::uint32_t permuted = 0;
    const std::uint32_t low = static_cast<std::uint32_t>(x), high = static_cast<std::uint32_t>(y);
    permuted = (low & 0xFF) | (high & 0xFF) << 8 | (low & 0xFF00) << 8 | (high & 0xFF00) << 16;
    expect(result[8 * i] == a[i] / b[i] && result[8 * i + 1] == a[i] % b[i], "division");
    expect(
        result[8 * i + 2] == static_cast<std::int64_t>(static_cast<unsigned __int128>(x) * y >> 64),
        "umul64hi");
    expect(result[8 * i + 3] == __builtin_popcountll(x) + 100 * __builtin_clzll(y | 0) +
                                    10000 * __builtin_ffsll(a[i]),
           "counting bits");
    expect(result[8 * i + 4] == static_cast<std::int64_t>(reversed), "brev");
    expect(result[8 * i + 5] == static_cast<std::int16_t>(a[i]) * static_cast<std::int8_t>(b[i]),
           "short and char");
    expect(result[8 * i + 6] == a[i] >> (b[i] & 63), "shift");
    expect(result[8 * i + 7] == permuted, "byte_perm");
  }
}

constexpr int math_functions = 12;
__global__ void mathematics(const float* x, float* out, double* exact, int count) {
  const int i = threadIdx.x;
  if (i >= count) return;
  const float a = x[i];
  float results[math_functions] = {sinf(a),         cosf(a),
                                   expf(a),         logf(fabsf(a) + 0.1F),
                                   sqrtf(fabsf(a)), powf(fabsf(a) + 0.5F, 1.7F),
                                   tanhf(a),        atan2f(a, 0.7F),
                                   erff(a),         fmodf(a, 0.3F),
                                   rintf(a),        cbrtf(a)};
  for (int k = 0; k < math_functions; ++k) out[math_functions * i + k] = results[k];
  exact[i] = exp(static_cast<double>(a)) + log1p(fabs(static_cast<double>(a))) + sin(100.0 * a);
}

void test_mathematics() {
  std::vector<float> x;
  for (int i = 0; i < 100; ++i) x.push_back(0.173F * static_cast<float>(i - 50));
  x.push_back(1e7F);  // a large argument takes the slow way of sinf, through a table
  Buffer<float> device_x(x), out(math_functions * x.size());
  Buffer<double> exact(x.size());
  mathematics<<<1, 128>>>(device_x.get(), out.get(), exact.get(), static_cast<int>(x.size()));
  const auto results = out.download();
  const auto doubles = exact.download();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double a = x[i];
    const double expected[math_functions] = {
        std::sin(a),
        std::cos(a),
        std::exp(a),
        std::log(static_cast<double>(fabsf(x[i]) + 0.1F)),
        std::sqrt(std::fabs(a)),
        std::pow(static_cast<double>(fabsf(x[i]) + 0.5F), static_cast<double>(1.7F)),
        std::tanh(a),
        std::atan2(a, static_cast<double>(0.7F)),
        std::erf(a),
        std::fmod(a, static_cast<double>(0.3F)),
        std::rint(a),
        std::cbrt(a)};
    for (int k = 0; k < math_functions; ++k) {
      const float value = results[math_functions * i + k];
      // CUDA's functions are within a few units in the last place.
      const double tolerance = 1e-6 * std::fabs(expected[k]) + 1e-7;
      const bool both_infinite = std::isinf(value) && expected[k] > 3e38;
      if (!both_infinite && !(std::fabs(value - expected[k]) <= tolerance)) {
        std::printf("function %d of %g: %.9g, expected %.9g\n", k, a, value, expected[k]);
        expect(false, "mathematics");
      }
    }
    if (a < 100) {
      const double sum = std::exp(a) + std::log1p(std::fabs(a)) + std::sin(100.0 * a);
      expect(std::fabs(doubles[i] - sum) <= 1e-13 * (1 + std::fabs(sum)), "doubles");
    }
  }
}

__global__ void halves(const float* x, float* out) {
  const int i = threadIdx.x;
  const __half h = __float2half(x[i]);
  const __half2 pair = __halves2half2(h, __hneg(h));
  const __half2 result = __hfma2(pair, pair, __float2half2_rn(0.25F));
  const __nv_bfloat16 b = __float2bfloat16(x[i]);
  out[3 * i] = __half2float(__low2half(result)) + __half2float(__hmul(h, h));
#if __CUDA_ARCH__ >= 800
  out[3 * i + 1] = __bfloat162float(__hfma(b, b, b));
#else
  out[3 * i + 1] = __bfloat162float(b) * __bfloat162float(b) + __bfloat162float(b);
#endif
  out[3 * i + 2] = __hlt(h, __float2half(0.5F)) ? 1.0F : 0.0F;
}

void test_halves() {
  std::vector<float> x;
  for (int i = 0; i < 64; ++i) x.push_back(0.125F * static_cast<float>(i) - 4.0F);
  Buffer<float> device_x(x), out(3 * x.size());
  halves<<<1, 64>>>(device_x.get(), out.get());
  const auto results = out.download();
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Multiples of 1/8 up to 4: their squares are exact in 11 bits, but rounded in 8.
    const float square = x[i] * x[i];
    expect(results[3 * i] == static_cast<float>(square + 0.25F) + square, "half");
    const float expected = square + x[i];
    expect(std::fabs(results[3 * i + 1] - expected) <= std::fabs(expected) / 256, "bfloat16");
    expect(results[3 * i + 2] == (x[i] < 0.5F ? 1.0F : 0.0F), "comparison of halves");
  }
}

__global__ void choices(const int* x, int* out) {
  const int i = threadIdx.x;
  int result = 0;
  switch (x[i]) {
    case 0:
      result = 7;
      break;
    case 1:
      result = x[i] * 3 + i;
      break;
    case 2:
      result = -i;
      [[fallthrough]];
    case 3:
      result += 50;
      break;
    case 4:
      result = i / 3;
      break;
    case 5:
      result = i % 5;
      break;
    case 6:
      result = i << 3;
      break;
    default:
      result = -1;
  }
  while (result > 20 && result % 2 == 0) result /= 2;
  out[i] = result;
}

void test_choices() {
  std::vector<int> x, expected;
  for (int i = 0; i < 96; ++i) {
    x.push_back((i * 5) % 9);
    const int cases[] = {7, 3 + i, 50 - i, 50, i / 3, i % 5, i << 3, -1, -1};
    int result = cases[x.back()];
    while (result > 20 && result % 2 == 0) result /= 2;
    expected.push_back(result);
  }
  Buffer<int> device_x(x), out(x.size());
  choices<<<1, 96>>>(device_x.get(), out.get());
  expect(out.download() == expected, "switch");
}

__global__ void print(int n) {
  if (threadIdx.x == 3)
    printf("thread %d of %s: %5.2f %llu %c%%\n", n, "three", 2.5, 1ULL << 40, 'x');
}

int main() {
  test_functions();
  test_integers();
  test_mathematics();
  test_halves();
  test_choices();
  print<<<1, 32>>>(3);
  return finish();
}
