// A program of two files with -rdc=true: functions, variables and kernels of the other file, and
// what both call the same, but have for themselves.

#include "separate.h"

#include "check.h"

namespace {

/// separate_other.cu has one of this name, too.
__device__ int own = 1;
__device__ __noinline__ int read_own(int factor) { return factor * own; }

}  // namespace

static __global__ void call_other(int* out) {
  const int i = threadIdx.x;
  out[i] = twice(i) + table[i % 4] + read_own(1000) + operation(i);
  if (i == 0) {
    atomicAdd(&counter, inlined);
    both_sides += 6;
    printf("in %s\n", "separate.cu");
  }
}

/// A kernel that both files have under this name.
static __global__ void take_next(Parts* parts) { parts[threadIdx.x].kept = next(1); }

void functions_and_variables() {
  Buffer<int> out(32);
  both_sides = 4;
  call_other<<<1, 32>>>(out.get());
  const std::vector<int> found = out.download();
  const int constants[4] = {5, 6, 7, 8};
  for (int i = 0; i < 32; ++i) {
    expect(found[i] == 2 * i + constants[i % 4] + 1000 + (i - 3), "what both files make");
  }
  int counted = 0;
  require(cudaMemcpyFromSymbol(&counted, counter, sizeof(counted)), "from a symbol");
  expect(counted == 20 + 30, "a variable of the other file");
  expect(both_sides == 10, "a managed variable of the other file");
}

void kernels() {
  Buffer<Parts> parts(32);
  fill_parts<<<1, 32, 32 * sizeof(int)>>>(parts.get());
  for (const Parts& part : parts.download()) {
    expect(part.own == 2 && part.constant == 26 && part.dynamic == 31,
           "a kernel of the other file");
  }
  take_next<<<1, 32>>>(parts.get());
  launch_other(parts.get());
  // 32 steps of 1 here, 32 steps of 10 there, on one variable.
  int first = 1000, last = 0;
  for (const Parts& part : parts.download()) {
    first = part.kept < first ? part.kept : first;
    last = part.kept > last ? part.kept : last;
  }
  expect(first == 132 && last == 132 + 310, "a variable of a template");
}

int main() {
  functions_and_variables();
  kernels();
  return finish();
}
