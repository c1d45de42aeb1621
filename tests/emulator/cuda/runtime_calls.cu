// Calls of the runtime: allocation, copies, fills, streams, events, properties, errors.

#include <cstring>

#include "check.h"

__global__ void add_one(int* values, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) ++values[i];
}

__device__ int answer = 42;

void test_copies() {
  int* device = nullptr;
  std::size_t pitch = 0;
  const int width = 10, height = 5;
  require(cudaMallocPitch(&device, &pitch, width * sizeof(int), height), "cudaMallocPitch");
  std::vector<int> host(width * height);
  for (int i = 0; i < width * height; ++i) host[i] = i;
  require(cudaMemset2D(device, pitch, 0, width * sizeof(int), height), "cudaMemset2D");
  require(cudaMemcpy2D(device, pitch, host.data(), width * sizeof(int), width * sizeof(int), height,
                       cudaMemcpyHostToDevice),
          "cudaMemcpy2D");
  std::vector<int> column(height);
  require(cudaMemcpy2D(column.data(), sizeof(int), device + 3, pitch, sizeof(int), height,
                       cudaMemcpyDefault),
          "cudaMemcpy2D of a column");
  expect(cudaMemcpy2D(column.data(), 3, device, pitch, 4, height, cudaMemcpyDefault) ==
             cudaErrorInvalidPitchValue,
         "rows that are wider than their pitch");
  expect(cudaMemset2D(device, 3, 0, 4, height) == cudaErrorInvalidValue,
         "rows of a fill that are wider than their pitch");
  cudaGetLastError();
  for (int i = 0; i < height; ++i) expect(column[i] == i * width + 3, "a column");
  require(cudaFree(device), "cudaFree");
}

void test_streams() {
  const int count = 1000;
  int* pinned = nullptr;
  int* device = nullptr;
  require(cudaMallocHost(&pinned, count * sizeof(int)), "cudaMallocHost");
  require(cudaMalloc(&device, count * sizeof(int)), "cudaMalloc");
  for (int i = 0; i < count; ++i) pinned[i] = i;
  cudaStream_t stream;
  cudaEvent_t start, end;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  require(cudaEventCreate(&start), "cudaEventCreate");
  require(cudaEventCreate(&end), "cudaEventCreate");
  require(cudaEventRecord(start, stream), "cudaEventRecord");
  require(cudaMemcpyAsync(device, pinned, count * sizeof(int), cudaMemcpyHostToDevice, stream),
          "up");
  add_one<<<4, 256, 0, stream>>>(device, count);
  require(cudaMemcpyAsync(pinned, device, count * sizeof(int), cudaMemcpyDeviceToHost, stream),
          "down");
  require(cudaEventRecord(end, stream), "cudaEventRecord");
  require(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  float milliseconds = -1;
  require(cudaEventElapsedTime(&milliseconds, start, end), "cudaEventElapsedTime");
  expect(milliseconds > 0, "elapsed time");
  // Kernels reach pinned memory, too.
  add_one<<<4, 256, 0, stream>>>(pinned, count);
  require(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  for (int i = 0; i < count; ++i) expect(pinned[i] == i + 2, "values through a stream");
  cudaPointerAttributes attributes;
  require(cudaPointerGetAttributes(&attributes, device), "cudaPointerGetAttributes");
  expect(attributes.type == cudaMemoryTypeDevice, "type of device memory");
  require(cudaPointerGetAttributes(&attributes, &milliseconds), "cudaPointerGetAttributes");
  expect(attributes.type == cudaMemoryTypeUnregistered, "type of the stack");
  require(cudaEventDestroy(start), "cudaEventDestroy");
  require(cudaEventDestroy(end), "cudaEventDestroy");
  require(cudaStreamDestroy(stream), "cudaStreamDestroy");
  require(cudaFree(device), "cudaFree");
  require(cudaFreeHost(pinned), "cudaFreeHost");
}

void test_properties() {
  cudaDeviceProp properties;
  require(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  int major = 0, optin = 0, blocks = 0;
  require(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "attribute");
  require(cudaDeviceGetAttribute(&optin, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), "attribute");
  expect(major == properties.major && properties.warpSize == 32, "compute capability");
  expect(properties.sharedMemPerBlockOptin == static_cast<std::size_t>(optin), "shared memory");
  expect(properties.multiProcessorCount > 0 && properties.maxThreadsPerBlock == 1024, "limits");
  expect(std::strstr(properties.name, "Emulated") != nullptr, "name");
  require(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add_one, 256, 0), "occupancy");
  expect(blocks == properties.maxThreadsPerMultiProcessor / 256, "blocks per multiprocessor");
  cudaFuncAttributes attributes;
  require(cudaFuncGetAttributes(&attributes, add_one), "cudaFuncGetAttributes");
  expect(attributes.maxThreadsPerBlock == 1024 && attributes.sharedSizeBytes == 0, "attributes");
  int* address = nullptr;
  std::size_t bytes = 0;
  require(cudaGetSymbolAddress(reinterpret_cast<void**>(&address), answer), "cudaGetSymbolAddress");
  require(cudaGetSymbolSize(&bytes, answer), "cudaGetSymbolSize");
  add_one<<<1, 1>>>(address, 1);
  int value = 0;
  require(cudaMemcpyFromSymbol(&value, answer, sizeof(value)), "cudaMemcpyFromSymbol");
  expect(bytes == sizeof(int) && value == 43, "a symbol's address");
}

void test_errors() {
  add_one<<<1, 2000>>>(nullptr, 0);
  expect(cudaPeekAtLastError() == cudaErrorInvalidConfiguration, "too many threads");
  expect(cudaGetLastError() == cudaErrorInvalidConfiguration, "the last error");
  expect(cudaGetLastError() == cudaSuccess, "the last error is forgotten");
  add_one<<<1, 32, 60000>>>(nullptr, 0);
  expect(cudaGetLastError() == cudaErrorInvalidValue, "too much shared memory");
  require(cudaFuncSetAttribute(add_one, cudaFuncAttributeMaxDynamicSharedMemorySize, 60000),
          "cudaFuncSetAttribute");
  add_one<<<1, 32, 60000>>>(nullptr, 0);
  expect(cudaGetLastError() == cudaSuccess, "opted in to shared memory");
  void* huge = nullptr;
  expect(cudaMalloc(&huge, std::size_t{1} << 50) == cudaErrorMemoryAllocation, "no memory");
  cudaGetLastError();
  expect(cudaSetDevice(1) == cudaErrorInvalidDevice, "one device only");
  cudaGetLastError();
  expect(std::strcmp(cudaGetErrorName(cudaErrorInvalidValue), "cudaErrorInvalidValue") == 0,
         "name");
}

int main() {
  test_copies();
  test_streams();
  test_properties();
  test_errors();
  return finish();
}
