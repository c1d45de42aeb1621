// Calls through pointers: tables of functions, pointers that the host passes on, virtual functions,
// against the same calls on the host.

#include "check.h"

namespace {

constexpr int threads = 64;

using Operation = int (*)(int, int);

__host__ __device__ __noinline__ int add(int a, int b) { return a + b; }
__host__ __device__ __noinline__ int multiply(int a, int b) { return a * b; }
/// Calls itself, so that lanes leave it one after the other.
__host__ __device__ __noinline__ int power(int a, int b) {
  return b == 0 ? 1 : a * power(a, b - 1);
}

__device__ const Operation table[3] = {add, multiply, power};
__device__ Operation chosen = multiply;

/// Neighbours call different functions.
__global__ void call_from_table(const int* which, int* out) {
  const int i = threadIdx.x;
  out[i] = table[which[i]](i % 7, 5) + 1000 * which[i];
}

__global__ void call_given(Operation operation, int* out) {
  out[threadIdx.x] = operation(threadIdx.x, 3);
}

/// Pairs of results, and none at all.
struct Pair {
  double first;
  long long second;
};
using Split = Pair (*)(double, char);
using Store = void (*)(int*, int);
__device__ __noinline__ Pair split(double value, char by) {
  return {value / by, static_cast<long long>(value) % by};
}
__device__ __noinline__ Pair swap(double value, char by) {
  return {static_cast<double>(by), static_cast<long long>(value)};
}
__device__ __noinline__ void store(int* to, int value) { *to = value; }
__device__ __noinline__ void store_twice(int* to, int value) { *to = 2 * value; }
__device__ Split splits[2] = {split, swap};
__device__ Store stores[2] = {store, store_twice};

__global__ void other_signatures(double* first, long long* second, int* stored) {
  const int i = threadIdx.x;
  const Pair pair = splits[i / 3 % 2](100.0 + i, 7);
  first[i] = pair.first;
  second[i] = pair.second;
  stores[i % 2](stored + i, i);
}

struct Shape {
  __host__ __device__ virtual float area(float scale) const = 0;
  __host__ __device__ virtual int corners() const { return 0; }
  __host__ __device__ virtual ~Shape() {}
};
struct Square : Shape {
  float side;
  __host__ __device__ explicit Square(float size) : side(size) {}
  __host__ __device__ float area(float scale) const override { return side * side * scale; }
  __host__ __device__ int corners() const override { return 4; }
};
struct Triangle : Shape {
  float base, height;
  __host__ __device__ Triangle(float b, float h) : base(b), height(h) {}
  __host__ __device__ float area(float scale) const override { return base * height * scale / 2; }
  __host__ __device__ int corners() const override { return 3; }
};
struct Disk : Shape {
  float radius;
  __host__ __device__ explicit Disk(float r) : radius(r) {}
  __host__ __device__ float area(float scale) const override { return 3 * radius * radius * scale; }
};

__host__ __device__ Shape* make_shape(int i) {
  const float size = static_cast<float>(i);
  if (i % 3 == 0) return new Square(size);
  if (i % 3 == 1) return new Triangle(size, size + 2);
  return new Disk(size);
}

__global__ void virtual_functions(float* areas, int* corners) {
  const int i = threadIdx.x;
  Shape* const shape = make_shape(i);
  areas[i] = shape->area(2);
  corners[i] = shape->corners();
  delete shape;
}

void tables() {
  const Operation on_host[3] = {add, multiply, power};
  std::vector<int> which(threads), expected(threads);
  for (int i = 0; i < threads; ++i) {
    which[i] = (i * 5 + i / 11) % 3;
    expected[i] = on_host[which[i]](i % 7, 5) + 1000 * which[i];
  }
  Buffer<int> choices(which), out(threads);
  call_from_table<<<1, threads>>>(choices.get(), out.get());
  expect(out.download() == expected, "a table of functions");
  Operation pointer = nullptr;
  require(cudaMemcpyFromSymbol(&pointer, chosen, sizeof(pointer)), "cudaMemcpyFromSymbol");
  call_given<<<1, threads>>>(pointer, out.get());
  for (int i = 0; i < threads; ++i) expected[i] = multiply(i, 3);
  expect(out.download() == expected, "a pointer that the host has passed on");
}

void signatures() {
  Buffer<double> first(threads);
  Buffer<long long> second(threads);
  Buffer<int> stored(threads);
  other_signatures<<<1, threads>>>(first.get(), second.get(), stored.get());
  const auto a = first.download();
  const auto b = second.download();
  const auto c = stored.download();
  for (int i = 0; i < threads; ++i) {
    const bool swaps = i / 3 % 2 == 1;
    expect(a[i] == (swaps ? 7.0 : (100.0 + i) / 7), "the first of two results");
    expect(b[i] == (swaps ? 100 + i : (100 + i) % 7), "the second of two results");
    expect(c[i] == (i % 2 == 0 ? i : 2 * i), "a function without results");
  }
}

void shapes() {
  Buffer<float> areas(threads);
  Buffer<int> corners(threads);
  virtual_functions<<<1, threads>>>(areas.get(), corners.get());
  const auto found_areas = areas.download();
  const auto found_corners = corners.download();
  for (int i = 0; i < threads; ++i) {
    const Shape* const shape = make_shape(i);
    expect(found_areas[i] == shape->area(2), "an area");
    expect(found_corners[i] == shape->corners(), "corners");
    delete shape;
  }
}

}  // namespace

int main() {
  tables();
  signatures();
  shapes();
  return finish();
}
