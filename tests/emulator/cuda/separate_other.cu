// The other file of `separate`.

#include "separate.h"

#include <cstdio>

namespace {

__device__ int own = 2;
__device__ __noinline__ int read_own() { return own; }

}  // namespace

static __device__ int minus_three(int x) { return x - 3; }

__device__ int counter = 20;
__constant__ int table[4] = {5, 6, 7, 8};
__managed__ int both_sides = -1;
__device__ Operation operation = minus_three;

__device__ int twice(int x) { return 2 * x; }

extern __shared__ int dynamic[];

__global__ void fill_parts(Parts* parts) {
  const int i = threadIdx.x;
  dynamic[i] = i;
  __syncwarp();
  parts[i] = {read_own(), table[0] + table[1] + table[2] + table[3], 0, dynamic[31]};
  if (i == 0) printf("in %s\n", "separate_other.cu");
}

static __global__ void take_next(Parts* parts) { parts[threadIdx.x].kept = next(10); }

void launch_other(Parts* parts) { take_next<<<1, 32>>>(parts); }
