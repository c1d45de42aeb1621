// Stream capture and graphs, against the same work done at once.

#include <cstring>
#include <thread>
#include <vector>

#include "check.h"

namespace {

constexpr int count = 1000;

__global__ void scale_and_add(const float* x, float* y, float scale) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) y[i] += scale * x[i];
}

struct Buffers {
  float* x = nullptr;
  float* y = nullptr;
  float* host = nullptr;

  Buffers() {
    require(cudaMalloc(&x, count * sizeof(float)), "cudaMalloc");
    require(cudaMalloc(&y, count * sizeof(float)), "cudaMalloc");
    require(cudaMallocHost(&host, count * sizeof(float)), "cudaMallocHost");
  }
};

void queue(const Buffers& buffers, cudaStream_t stream, float scale) {
  require(cudaMemcpyAsync(buffers.x, buffers.host, count * sizeof(float), cudaMemcpyHostToDevice,
                          stream),
          "copy");
  require(cudaMemsetAsync(buffers.y, 0, count * sizeof(float), stream), "memset");
  scale_and_add<<<8, 128, 0, stream>>>(buffers.x, buffers.y, scale);
  scale_and_add<<<8, 128, 0, stream>>>(buffers.x, buffers.y, 2 * scale);
  require(cudaMemcpyAsync(buffers.host, buffers.y, count * sizeof(float), cudaMemcpyDeviceToHost,
                          stream),
          "copy back");
}

/// Ends the stream's capture, and makes of it what can be launched.
cudaGraphExec_t end_capture(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  require(cudaStreamEndCapture(stream, &graph), "end");
  cudaGraphExec_t executable = nullptr;
  require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  require(cudaGraphDestroy(graph), "destroy");
  return executable;
}

cudaGraphExec_t capture(const Buffers& buffers, cudaStream_t stream, float scale) {
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
  cudaStreamCaptureStatus status;
  require(cudaStreamIsCapturing(stream, &status), "is capturing");
  expect(status == cudaStreamCaptureStatusActive, "the capture is active");
  queue(buffers, stream, scale);  // `scale` and the arguments are gone when the graph runs
  return end_capture(stream);
}

/// Captured work is not done; a launch does it with what memory then holds.
void launches_do_the_work(const Buffers& buffers, cudaStream_t stream) {
  for (int i = 0; i < count; ++i) buffers.host[i] = 1.0F;
  const cudaGraphExec_t executable = capture(buffers, stream, 0.5F);
  expect(buffers.host[7] == 1.0F, "nothing has happened yet");
  for (int launch = 1; launch <= 3; ++launch) {
    for (int i = 0; i < count; ++i) buffers.host[i] = static_cast<float>(launch * i);
    require(cudaGraphLaunch(executable, stream), "launch");
    require(cudaStreamSynchronize(stream), "synchronize");
    bool is_right = true;
    for (int i = 0; i < count; ++i) {
      is_right = is_right && buffers.host[i] == 1.5F * static_cast<float>(launch * i);
    }
    expect(is_right, "a launch of the graph");
  }
  require(cudaGraphExecDestroy(executable), "destroy");
}

/// A graph that is launched into a captured stream becomes a part of another.
void graphs_nest(const Buffers& buffers, cudaStream_t stream) {
  const cudaGraphExec_t inner = capture(buffers, stream, 1.0F);
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin");
  require(cudaGraphLaunch(inner, stream), "launch");
  require(cudaGraphLaunch(inner, stream), "launch");
  const cudaGraphExec_t outer = end_capture(stream);
  for (int i = 0; i < count; ++i) buffers.host[i] = 1.0F;
  require(cudaGraphLaunch(outer, stream), "launch");
  expect(buffers.host[5] == 9.0F, "a graph of graphs");
}

/// The default stream of a thread takes part in a capture that ends after the thread.
void captures_outlive_threads(const Buffers& buffers, cudaStream_t stream) {
  cudaEvent_t fork = nullptr, join = nullptr;
  require(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming), "event");
  require(cudaEventCreateWithFlags(&join, cudaEventDisableTiming), "event");
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin");
  require(cudaEventRecord(fork, stream), "fork");
  std::thread([&] {
    require(cudaStreamWaitEvent(cudaStreamPerThread, fork), "fork");
    queue(buffers, cudaStreamPerThread, 0.5F);
    require(cudaEventRecord(join, cudaStreamPerThread), "join");
  }).join();
  require(cudaStreamWaitEvent(stream, join), "join");
  const cudaGraphExec_t executable = end_capture(stream);
  for (int i = 0; i < count; ++i) buffers.host[i] = 1.0F;
  require(cudaGraphLaunch(executable, stream), "launch");
  expect(buffers.host[5] == 1.5F, "work of a thread that has ended");
}

/// What a capture forbids, and that it is spoilt by it.
void forbidden_calls_invalidate(cudaStream_t stream) {
  void* memory = nullptr;
  cudaGraph_t graph = nullptr;
  for (const int call : {0, 1, 2}) {
    require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
    const cudaError_t error = call == 0   ? cudaMalloc(&memory, 4)
                              : call == 1 ? cudaStreamSynchronize(stream)
                                          : cudaDeviceSynchronize();
    expect(error == cudaErrorStreamCaptureUnsupported, "a call that a capture forbids");
    expect(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated,
           "an invalidated capture");
    expect(graph == nullptr, "no graph");
  }
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), "begin");
  expect(cudaMalloc(&memory, 4) == cudaSuccess, "a relaxed capture lets allocations pass");
  expect(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed) == cudaErrorIllegalState,
         "a second capture");
  require(cudaStreamEndCapture(stream, &graph), "end");
  expect(cudaStreamEndCapture(stream, &graph) == cudaErrorIllegalState, "an end without a begin");
  expect(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal) ==
             cudaErrorStreamCaptureUnsupported,
         "the legacy stream");
  cudaGetLastError();
}

}  // namespace

int main() {
  const Buffers buffers;
  cudaStream_t stream = nullptr;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  launches_do_the_work(buffers, stream);
  graphs_nest(buffers, stream);
  captures_outlive_threads(buffers, stream);
  forbidden_calls_invalidate(stream);
  return finish();
}
