// What C++ programs use on the device besides arithmetic: templates, lambdas, recursion, memory of
// the device's heap and stack, variables in all spaces, cuda::std, atomics on every type, timers.

#include <alloca.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cuda/atomic>
#include <cuda/std/array>
#include <cuda/std/complex>
#include <cuda/std/optional>
#include <cuda/std/tuple>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <cstdint>
#include <numeric>

#include "check.h"

constexpr int threads = 64;

// Memory that threads take for themselves.

struct Node {
  int value;
  Node* next;
};

/// Lists of as many nodes as the thread's index, summed and freed; arrays by new; the stack.
__global__ void own_memory(int* sums, int* products, int* stack_sums) {
  const int i = threadIdx.x;
  Node* first = nullptr;
  for (int k = 0; k < i; ++k) {
    auto* const node = static_cast<Node*>(malloc(sizeof(Node)));
    *node = {k, first};
    first = node;
  }
  int sum = 0;
  while (first != nullptr) {
    sum += first->value;
    Node* const next = first->next;
    free(first);
    first = next;
  }
  sums[i] = sum;
  int* const factors = new int[3]{i, i + 1, i + 2};
  products[i] = factors[0] * factors[1] * factors[2];
  delete[] factors;
  const int length = 1 + i % 7;
  auto* const stack = static_cast<int*>(alloca(length * sizeof(int)));
  for (int k = 0; k < length; ++k) stack[k] = k * i;
  int total = 0;
  for (int k = 0; k < length; ++k) total += stack[length - 1 - k] * (k + 1);
  stack_sums[i] = total;
}

void test_own_memory() {
  Buffer<int> sums(threads), products(threads), stack_sums(threads);
  own_memory<<<1, threads>>>(sums.get(), products.get(), stack_sums.get());
  const auto result = sums.download(), product = products.download();
  const auto stack = stack_sums.download();
  for (int i = 0; i < threads; ++i) {
    expect(result[i] == i * (i - 1) / 2, "malloc and free");
    expect(product[i] == i * (i + 1) * (i + 2), "new and delete");
    int total = 0;
    const int length = 1 + i % 7;
    for (int k = 0; k < length; ++k) total += (length - 1 - k) * i * (k + 1);
    expect(stack[i] == total, "alloca");
  }
}

// Templates, lambdas and recursion.

template <int n>
struct Power {
  template <typename T>
  static __host__ __device__ T of(T x) {
    return x * Power<n - 1>::of(x);
  }
};
template <>
struct Power<0> {
  template <typename T>
  static __host__ __device__ T of(T) {
    return 1;
  }
};

template <typename Function, typename... Arguments>
__device__ auto twice(Function&& function, Arguments... arguments) {
  return function(arguments...) + function(arguments...);
}

__device__ __noinline__ unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0) return n + 1;
  return n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

__global__ void abstractions(double* powers, int* lambdas, unsigned* recursions) {
  const int i = threadIdx.x;
  powers[i] = Power<5>::of(1.0 + i) + Power<2>::of(i % 5);
  int calls = 0;
  const auto count = [&calls, i](int a, int b) { return a * b + i + ++calls; };
  lambdas[i] = twice(count, 3, i);
  recursions[i] = ackermann(i % 3, i % 4);
}

void test_abstractions() {
  Buffer<double> powers(threads);
  Buffer<int> lambdas(threads);
  Buffer<unsigned> recursions(threads);
  abstractions<<<1, threads>>>(powers.get(), lambdas.get(), recursions.get());
  const auto power = powers.download();
  const auto lambda = lambdas.download();
  const auto recursion = recursions.download();
  // Ackermann's function in closed form.
  const auto closed = [](int m, int n) { return m == 0 ? n + 1 : m == 1 ? n + 2 : 2 * n + 3; };
  for (int i = 0; i < threads; ++i) {
    expect(power[i] == std::pow(1.0 + i, 5) + (i % 5) * (i % 5), "templates");
    expect(lambda[i] == 2 * (3 * i + i) + 3, "lambdas");
    expect(recursion[i] == static_cast<unsigned>(closed(i % 3, i % 4)), "recursion");
  }
}

// cuda::std.

__global__ void standard_library(int* out, cuda::std::complex<double>* roots) {
  const int i = threadIdx.x;
  cuda::std::array<int, 4> values{i, 3 * i % 17, 5 * i % 23, 7};
  cuda::std::optional<int> even;
  for (const int value : values) {
    if (value % 2 == 0) even = value;
  }
  const auto [low, high] =
      cuda::std::make_tuple(min(values[0], values[1]), max(values[2], values[3]));
  out[i] = even.value_or(-1) * 10000 + low * 100 + high;
  const cuda::std::complex<double> z(i + 1.0, 2.0);
  roots[i] = z * z / cuda::std::complex<double>(0.0, 1.0) + cuda::std::conj(z) * cuda::std::abs(z);
}

void test_standard_library() {
  Buffer<int> out(threads);
  Buffer<cuda::std::complex<double>> roots(threads);
  standard_library<<<1, threads>>>(out.get(), roots.get());
  const auto result = out.download();
  const auto complex = roots.download();
  for (int i = 0; i < threads; ++i) {
    const int values[4] = {i, 3 * i % 17, 5 * i % 23, 7};
    int even = -1;
    for (const int value : values) even = value % 2 == 0 ? value : even;
    const int expected =
        even * 10000 + std::min(values[0], values[1]) * 100 + std::max(values[2], values[3]);
    expect(result[i] == expected, "array, optional and tuple");
    const std::complex<double> z(i + 1.0, 2.0);
    const auto w = z * z / std::complex<double>(0.0, 1.0) + std::conj(z) * std::abs(z);
    const double error = std::abs(w - std::complex<double>(complex[i].real(), complex[i].imag()));
    expect(error <= 1e-14 * std::abs(w), "complex");
  }
}

// Atomics.

struct Totals {
  double sum;
  float single;
  int least;
  unsigned long long most;
  unsigned ring, bits, count;
  short last;
  __half2 halves;
  __nv_bfloat162 bfloats;
};

__global__ void atomics(Totals* totals, cuda::atomic<int, cuda::thread_scope_device>* shared_count,
                        int* plain) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(&totals->sum, 0.5 * i);
  atomicAdd(&totals->single, 0.25F);
  atomicMin(&totals->least, 1000 - 7 * i);
  atomicMax(&totals->most, 1ULL << i % 40);
  atomicInc(&totals->ring, 9);
  atomicXor(&totals->bits, 1U << i % 32);
  atomicAdd(&totals->halves, __floats2half2_rn(1.0F, 0.5F));
  atomicAdd(&totals->bfloats, __floats2bfloat162_rn(1.0F, -1.0F));
  // A product by compare and swap.
  unsigned old = totals->count, assumed;
  do {
    assumed = old;
    old = atomicCAS(&totals->count, assumed, assumed * 3 + 1);
  } while (old != assumed);
  auto* const last = reinterpret_cast<unsigned short*>(&totals->last);
  unsigned short expected = 0;
  while (i == 5 && atomicCAS(last, expected, static_cast<unsigned short>(77)) != expected) {
    expected = *last;
  }
  shared_count->fetch_add(i % 2 == 0 ? 3 : -1, cuda::memory_order_relaxed);
  cuda::atomic_ref<int, cuda::thread_scope_device> reference(*plain);
  reference.fetch_max(i, cuda::memory_order_acq_rel);
}

void test_atomics() {
  const int total = 128;
  Totals start{};
  start.least = 1 << 30;
  Buffer<Totals> totals(std::vector<Totals>{start});
  Buffer<int> count(std::vector<int>{0}), plain(std::vector<int>{-5});
  atomics<<<2, threads>>>(
      totals.get(), reinterpret_cast<cuda::atomic<int, cuda::thread_scope_device>*>(count.get()),
      plain.get());
  const Totals result = totals.download()[0];
  unsigned steps = 0;
  for (int i = 0; i < total; ++i) steps = steps * 3 + 1;
  expect(result.sum == 0.5 * (total * (total - 1) / 2), "atomicAdd of doubles");
  expect(result.single == 0.25F * total, "atomicAdd of floats");
  expect(result.least == 1000 - 7 * (total - 1), "atomicMin");
  expect(result.most == 1ULL << 39, "atomicMax of 64 bits");
  expect(result.ring == total % 10, "atomicInc");
  expect(result.bits == 0, "atomicXor");
  expect(result.count == steps, "atomicCAS");
  expect(result.last == 77, "atomicCAS of 16 bits");
  expect(__low2float(result.halves) == total && __high2float(result.halves) == total / 2.0F,
         "atomicAdd of halves");
  expect(__low2float(result.bfloats) == total && __high2float(result.bfloats) == -total,
         "atomicAdd of bfloats");
  expect(count.download()[0] == total / 2 * 2, "cuda::atomic");
  expect(plain.download()[0] == total - 1, "cuda::atomic_ref");
}

// Variables, timers and intrinsics of warps.

__constant__ double coefficients[3] = {2.0, -1.0, 0.5};
__device__ int grid_of_variables[2][3] = {{1, 2, 3}, {4, 5, 6}};
__device__ const char* const names[] = {"zero", "one", "two"};

__device__ unsigned long long nanoseconds_now() {
  unsigned long long value;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(value));
  return value;
}

__global__ void variables(double* values, int* letters, long long* times, unsigned* warps) {
  const int i = threadIdx.x;
  const long long begin = clock64();
  const unsigned long long start = nanoseconds_now();
  values[i] = coefficients[0] + i * (coefficients[1] + i * coefficients[2]);
  atomicAdd(&grid_of_variables[i % 2][i % 3], i);
  letters[i] = names[i % 3][i % 3];
  __nanosleep(20);
  times[2 * i] = clock64() - begin;
  times[2 * i + 1] = static_cast<long long>(nanoseconds_now() - start);
  assert(times[2 * i] > 0);
  const unsigned same = __match_any_sync(0xFFFFFFFF, i % 5);
  warps[i] = __popc(same) * 1000 + __shfl_sync(0xFFFFFFFF, i, 31) +
             (__all_sync(same, i % 5 >= 0) ? 100000 : 0);
}

void test_variables() {
  Buffer<double> values(threads);
  Buffer<int> letters(threads);
  Buffer<long long> times(2 * threads);
  Buffer<unsigned> warps(threads);
  const double replaced = -3.0;
  require(cudaMemcpyToSymbol(coefficients, &replaced, sizeof(replaced), sizeof(double)),
          "cudaMemcpyToSymbol");
  variables<<<1, threads>>>(values.get(), letters.get(), times.get(), warps.get());
  int grid[2][3], expected_grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
  require(cudaMemcpyFromSymbol(grid, grid_of_variables, sizeof(grid)), "cudaMemcpyFromSymbol");
  const auto value = values.download();
  const auto letter = letters.download();
  const auto time = times.download();
  const auto warp = warps.download();
  const char* const host_names[] = {"zero", "one", "two"};
  for (int i = 0; i < threads; ++i) {
    expected_grid[i % 2][i % 3] += i;
    expect(value[i] == 2.0 + i * (-3.0 + i * 0.5), "constants");
    expect(letter[i] == host_names[i % 3][i % 3], "strings");
    expect(time[2 * i] > 0 && time[2 * i + 1] >= 0, "timers");
    unsigned same = 0;
    for (int k = i / 32 * 32; k < i / 32 * 32 + 32; ++k) same += k % 5 == i % 5;
    expect(warp[i] == 100000 + 1000 * same + i / 32 * 32 + 31, "intrinsics of a warp");
  }
  expect(std::equal(&grid[0][0], &grid[0][0] + 6, &expected_grid[0][0]), "variables");
}

int main() {
  test_own_memory();
  test_abstractions();
  test_standard_library();
  test_atomics();
  test_variables();
  return finish();
}
