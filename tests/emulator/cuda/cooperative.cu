// Cooperative launches: barriers of the grid, limits, and the shared memory that has to be asked
// for.

#include <cooperative_groups.h>

#include "check.h"

namespace cg = cooperative_groups;

namespace {

constexpr int threads = 96;
constexpr int steps = 6;

/// In each step, every element becomes the sum of itself and of its neighbour, which mostly belongs
/// to another block.
__global__ void neighbours(int* values, int* others, int count) {
  const cg::grid_group grid = cg::this_grid();
  const int i = static_cast<int>(grid.thread_rank());
  for (int step = 0; step < steps; ++step) {
    const int* const from = step % 2 == 0 ? values : others;
    int* const to = step % 2 == 0 ? others : values;
    to[i] = from[i] + from[(i + threads + 1) % count];
    grid.sync();
  }
}

/// Half of the threads have something to do between arriving and waiting.
__global__ void split_barrier(int* flags, int* sums) {
  cg::grid_group grid = cg::this_grid();
  const int blocks = static_cast<int>(gridDim.x);
  if (threadIdx.x == 0) flags[blockIdx.x] = static_cast<int>(blockIdx.x) + 1;
  auto token = grid.barrier_arrive();
  int sum = 0;
  grid.barrier_wait(std::move(token));
  for (int i = 0; i < blocks; ++i) sum += flags[i];
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void is_valid(int* result) {
  if (threadIdx.x == 0) *result = cg::this_grid().is_valid() ? 1 : 0;
}

__global__ void use_shared(int* result, int bytes) {
  extern __shared__ int dynamic[];
  __shared__ int fixed[1024];
  fixed[threadIdx.x] = 1;
  dynamic[bytes / 4 - 1 - static_cast<int>(threadIdx.x)] = 2;
  __syncthreads();
  if (threadIdx.x == 0) *result = fixed[31] + dynamic[bytes / 4 - 32];
}

std::vector<int> expected_neighbours(std::vector<int> values) {
  const std::size_t count = values.size();
  for (int step = 0; step < steps; ++step) {
    const std::vector<int> before = values;
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = before[i] + before[(i + threads + 1) % count];
    }
  }
  return values;
}

int most_blocks() {
  int per_multiprocessor = 0, multiprocessors = 0, is_cooperative = 0;
  require(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_multiprocessor, neighbours, threads, 0),
      "occupancy");
  require(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0), "attribute");
  require(cudaDeviceGetAttribute(&is_cooperative, cudaDevAttrCooperativeLaunch, 0), "attribute");
  expect(is_cooperative == 1, "the attribute");
  return per_multiprocessor * multiprocessors;
}

void grids_meet(int blocks) {
  int count = blocks * threads;
  std::vector<int> host(count);
  for (int i = 0; i < count; ++i) host[i] = i * i % 1009;
  Buffer<int> values(host), others(count);
  int* pointers[2] = {values.get(), others.get()};
  void* arguments[] = {&pointers[0], &pointers[1], &count};
  require(
      cudaLaunchCooperativeKernel(neighbours, dim3(blocks), dim3(threads), arguments, 0, nullptr),
      "cudaLaunchCooperativeKernel");
  expect(values.download() == expected_neighbours(host), "sums of neighbours");
}

cudaError_t launch_with_attribute(int blocks, int value, int* values, int* others,
                                  cudaStream_t stream) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeCooperative;
  attribute.val.cooperative = value;
  cudaLaunchConfig_t configuration{};
  configuration.gridDim = dim3(blocks);
  configuration.blockDim = dim3(threads);
  configuration.stream = stream;
  configuration.attrs = &attribute;
  configuration.numAttrs = 1;
  return cudaLaunchKernelEx(&configuration, neighbours, values, others, blocks * threads);
}

/// The attribute does the same, also in a graph that is launched twice.
void attributes_and_graphs() {
  const int blocks = 7;
  std::vector<int> host(blocks * threads);
  for (std::size_t i = 0; i < host.size(); ++i) host[i] = static_cast<int>(i % 17);
  Buffer<int> values(host), others(host.size());
  require(launch_with_attribute(blocks, 1, values.get(), others.get(), nullptr), "attribute");
  std::vector<int> expected = expected_neighbours(host);
  expect(values.download() == expected, "a launch with the attribute");

  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin");
  require(launch_with_attribute(blocks, 1, values.get(), others.get(), stream), "capture");
  require(cudaStreamEndCapture(stream, &graph), "end");
  require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  for (int i = 0; i < 2; ++i) {
    require(cudaGraphLaunch(executable, stream), "launch");
    expected = expected_neighbours(expected);
  }
  require(cudaStreamSynchronize(stream), "synchronize");
  expect(values.download() == expected, "a graph of cooperative launches");
}

void arrive_and_wait() {
  const int blocks = 9;
  Buffer<int> flags(blocks), sums(blocks);
  int* pointers[2] = {flags.get(), sums.get()};
  void* arguments[] = {&pointers[0], &pointers[1]};
  require(cudaLaunchCooperativeKernel(split_barrier, dim3(blocks), dim3(threads), arguments, 0,
                                      nullptr),
          "split barrier");
  expect(sums.download() == std::vector<int>(blocks, blocks * (blocks + 1) / 2), "split barrier");
}

void limits() {
  Buffer<int> result(1);
  is_valid<<<1, 32>>>(result.get());
  expect(result.download()[0] == 0, "an ordinary grid cannot meet");
  int* pointer = result.get();
  void* arguments[] = {&pointer};
  require(cudaLaunchCooperativeKernel(is_valid, dim3(1), dim3(32), arguments, 0, nullptr), "one");
  expect(result.download()[0] == 1, "a cooperative grid can meet");

  int* null = nullptr;
  int count = 0;
  void* none[] = {&null, &null, &count};
  expect(cudaLaunchCooperativeKernel(neighbours, dim3(most_blocks() + 1), dim3(threads), none, 0,
                                     nullptr) == cudaErrorCooperativeLaunchTooLarge,
         "a grid that is too large");
  expect(cudaGetLastError() == cudaErrorCooperativeLaunchTooLarge, "the last error");
}

/// 48 KB are there without asking, the kernel's own included.
void shared_memory() {
  constexpr int own = 4096, always = 48 * 1024;
  Buffer<int> result(1);
  use_shared<<<1, 32, always - own>>>(result.get(), always - own);
  expect(cudaGetLastError() == cudaSuccess && result.download()[0] == 3,
         "all that is always there");
  use_shared<<<1, 32, always - own + 4>>>(result.get(), always - own + 4);
  expect(cudaGetLastError() == cudaErrorInvalidValue, "more than is always there");
  cudaFuncAttributes attributes;
  require(cudaFuncGetAttributes(&attributes, use_shared), "cudaFuncGetAttributes");
  expect(attributes.maxDynamicSharedSizeBytes == always - own, "the attribute at first");
  int most = 0;
  require(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), "attribute");
  const auto kind = cudaFuncAttributeMaxDynamicSharedMemorySize;
  expect(cudaFuncSetAttribute(use_shared, kind, most - own + 1) == cudaErrorInvalidValue,
         "more than the device has");
  cudaGetLastError();
  require(cudaFuncSetAttribute(use_shared, kind, most - own), "cudaFuncSetAttribute");
  use_shared<<<1, 32, most - own>>>(result.get(), most - own);
  expect(cudaGetLastError() == cudaSuccess && result.download()[0] == 3, "all that there is");
}

}  // namespace

int main() {
  const int most = most_blocks();
  for (const int blocks : {1, 2, 13, most}) grids_meet(blocks);
  attributes_and_graphs();
  arrive_and_wait();
  limits();
  shared_memory();
  return finish();
}
