// Managed variables: the host and kernels see the same memory, by the variables' own names.

#include "check.h"

namespace {

constexpr int count = 100;

struct Settings {
  float scale;
  short shift;
};

__managed__ int total = 5;
__managed__ int squares[count];
__managed__ Settings settings = {2.5F, -3};
__managed__ int* link = nullptr;
__device__ int plain = 7;

__global__ void fill() {
  const int i = threadIdx.x;
  squares[i] = i * i + settings.shift + static_cast<int>(settings.scale * 2);
  atomicAdd(&total, i);
}

__global__ void follow() { *link += plain; }

void host_and_device_take_turns() {
  expect(total == 5 && settings.scale == 2.5F && settings.shift == -3, "initial values");
  expect(squares[0] == 0 && squares[count - 1] == 0, "what has no initial value");
  total += 10;
  settings = {4.0F, 1};
  fill<<<1, count>>>();
  require(cudaDeviceSynchronize(), "synchronize");
  expect(total == 15 + count * (count - 1) / 2, "a sum of both sides");
  for (int i = 0; i < count; ++i) expect(squares[i] == i * i + 1 + 8, "squares");
}

/// A pointer from the host into another variable.
void addresses_are_the_same() {
  link = &squares[3];
  follow<<<1, 1>>>();
  require(cudaDeviceSynchronize(), "synchronize");
  expect(squares[3] == 9 + 9 + 7, "a pointer that the host has set");
}

void managed_variables_are_symbols() {
  int* address = nullptr;
  std::size_t bytes = 0;
  require(cudaGetSymbolAddress(reinterpret_cast<void**>(&address), squares), "address");
  require(cudaGetSymbolSize(&bytes, squares), "size");
  expect(address == squares && bytes == count * sizeof(int), "the symbol of an array");
  const int value = 1234;
  require(cudaMemcpyToSymbol(squares, &value, sizeof(value), 5 * sizeof(int)), "to a symbol");
  int found = 0;
  require(cudaMemcpyFromSymbol(&found, squares, sizeof(found), 5 * sizeof(int)), "from a symbol");
  expect(squares[5] == value && found == value, "a copy by name");
}

}  // namespace

int main() {
  host_and_device_take_turns();
  addresses_are_the_same();
  managed_variables_are_symbols();
  return finish();
}
