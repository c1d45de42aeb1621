// What the two files of `separate` share.
#pragma once

struct Parts {
  int own;
  int constant;
  int kept;
  int dynamic;
};

using Operation = int (*)(int);

extern __device__ int counter;
extern __constant__ int table[4];
extern __managed__ int both_sides;
extern __device__ Operation operation;
inline __device__ int inlined = 30;

__device__ int twice(int x);
__global__ void fill_parts(Parts* parts);
void launch_other(Parts* parts);

/// Each file has this function, and there is one variable in it.
template <typename T>
__device__ __noinline__ T next(T step) {
  static __device__ T kept = 100;
  __shared__ T last[32];
  last[threadIdx.x] = atomicAdd(&kept, step);
  __syncwarp();
  return last[31 - threadIdx.x];
}
