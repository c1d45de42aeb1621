// When work of streams is done: `streams` prints what depends on it, where a wait is missing, and
// checks what may not depend on it. Results are what a reader saw before another stream wrote
// ("old") or behind it ("new").

#include <cstring>

#include "check.h"

__global__ void store(int* to, int value) { *to = value; }
__global__ void load(const int* from, int* seen) { *seen = *from; }
__global__ void store_out_of_bounds(int* to) { to[1] = 0; }

constexpr int old_value = 1;
constexpr int new_value = 2;

struct Value : Buffer<int> {
  explicit Value(int value) : Buffer(std::vector<int>(1, value)) {}
};

struct StreamOwner {
  cudaStream_t stream = nullptr;
  explicit StreamOwner(unsigned flags = cudaStreamNonBlocking) {
    require(cudaStreamCreateWithFlags(&stream, flags), "cudaStreamCreateWithFlags");
  }
  ~StreamOwner() { cudaStreamDestroy(stream); }
};

struct EventOwner {
  cudaEvent_t event = nullptr;
  EventOwner() { require(cudaEventCreate(&event), "cudaEventCreate"); }
  ~EventOwner() { cudaEventDestroy(event); }
};

struct Pinned {
  int* data = nullptr;
  Pinned() { require(cudaMallocHost(&data, sizeof(int)), "cudaMallocHost"); }
  ~Pinned() { cudaFreeHost(data); }
};

const char* name_of(int value) {
  return value == old_value ? "old" : value == new_value ? "new" : "nonsense";
}

int read_behind(cudaStream_t stream, const int* from) {
  Pinned result;
  require(cudaMemcpyAsync(result.data, from, sizeof(int), cudaMemcpyDeviceToHost, stream), "copy");
  require(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  return *result.data;
}

/// One stream writes, another reads what it should have waited for, and its result is asked for.
int read_of_unfinished(bool waits) {
  Value value(old_value), seen(0);
  StreamOwner writer, reader;
  EventOwner written;
  store<<<1, 1, 0, writer.stream>>>(value.get(), new_value);
  cudaEventRecord(written.event, writer.stream);
  if (waits) cudaStreamWaitEvent(reader.stream, written.event);
  load<<<1, 1, 0, reader.stream>>>(value.get(), seen.get());
  return read_behind(reader.stream, seen.get());
}

/// One stream reads, another writes over it without waiting for the reader, whose result is asked
/// for.
int read_of_overwritten(bool waits) {
  Value value(old_value), seen(0);
  StreamOwner writer, reader;
  EventOwner read;
  load<<<1, 1, 0, reader.stream>>>(value.get(), seen.get());
  cudaEventRecord(read.event, reader.stream);
  if (waits) cudaStreamWaitEvent(writer.stream, read.event);
  store<<<1, 1, 0, writer.stream>>>(value.get(), new_value);
  return read_behind(reader.stream, seen.get());
}

/// Pinned memory is written over while a copy may still read it.
int copy_of_overwritten(bool waits) {
  Value value(0);
  StreamOwner stream;
  EventOwner copied;
  Pinned source;
  *source.data = old_value;
  cudaMemcpyAsync(value.get(), source.data, sizeof(int), cudaMemcpyHostToDevice, stream.stream);
  cudaEventRecord(copied.event, stream.stream);
  if (waits) cudaEventSynchronize(copied.event);
  *source.data = new_value;
  return read_behind(stream.stream, value.get());
}

/// The legacy stream waits for blocking streams alone.
int copied_by_host(unsigned flags) {
  Value value(old_value);
  StreamOwner stream(flags);
  store<<<1, 1, 0, stream.stream>>>(value.get(), new_value);
  const int copied = value.download()[0];
  cudaDeviceSynchronize();
  return copied;
}

void check_pageable_copies() {
  Value value(0);
  StreamOwner stream;
  int on_host = old_value;
  cudaMemcpyAsync(value.get(), &on_host, sizeof(int), cudaMemcpyHostToDevice, stream.stream);
  on_host = new_value;
  expect(read_behind(stream.stream, value.get()) == old_value, "source that the host owns again");
  store<<<1, 1, 0, stream.stream>>>(value.get(), new_value);
  int result = 0;
  cudaMemcpyAsync(&result, value.get(), sizeof(int), cudaMemcpyDeviceToHost, stream.stream);
  expect(result == new_value, "result in memory of the host");
}

/// Questions have an answer at last, and times are known when both events are reached.
int questions() {
  Value value(old_value);
  StreamOwner stream;
  EventOwner start, end;
  cudaEventRecord(start.event, stream.stream);
  store<<<1, 1, 0, stream.stream>>>(value.get(), new_value);
  cudaEventRecord(end.event, stream.stream);
  float milliseconds = -1;
  const cudaError_t early = cudaEventElapsedTime(&milliseconds, start.event, end.event);
  int count = 0;
  while (cudaEventQuery(start.event) != cudaSuccess) ++count;
  while (cudaStreamQuery(stream.stream) != cudaSuccess) ++count;
  expect(early == (count == 0 ? cudaSuccess : cudaErrorNotReady), "time of events to come");
  expect(cudaEventElapsedTime(&milliseconds, start.event, end.event) == cudaSuccess &&
             milliseconds >= 0,
         "time between events");
  expect(cudaGetLastError() == cudaSuccess, "a question is no error");
  return count;
}

/// Graphs, functions of the host and memory that is given back are work like any other.
void check_kinds_of_work() {
  StreamOwner stream;
  int* value = nullptr;
  require(cudaMallocAsync(&value, sizeof(int), stream.stream), "cudaMallocAsync");
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  require(cudaStreamBeginCapture(stream.stream, cudaStreamCaptureModeRelaxed), "capture");
  store<<<1, 1, 0, stream.stream>>>(value, new_value);
  require(cudaStreamEndCapture(stream.stream, &graph), "end of capture");
  require(cudaGraphInstantiate(&executable, graph, 0), "graph");
  cudaMemsetAsync(value, 0, sizeof(int), stream.stream);
  require(cudaGraphLaunch(executable, stream.stream), "launch");
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  Pinned result;
  *result.data = 0;
  cudaMemcpyAsync(result.data, value, sizeof(int), cudaMemcpyDeviceToHost, stream.stream);
  const auto add_one = [](void* number) { ++*static_cast<int*>(number); };
  cudaLaunchHostFunc(stream.stream, add_one, result.data);
  cudaFreeAsync(value, stream.stream);
  require(cudaStreamSynchronize(stream.stream), "cudaStreamSynchronize");
  expect(*result.data == new_value + 1, "graph, copy and function");
}

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "fault") == 0) {
    Value value(0);
    StreamOwner stream;
    store_out_of_bounds<<<1, 1, 0, stream.stream>>>(value.get());
    cudaStreamSynchronize(stream.stream);
    return finish();
  }
  expect(read_of_unfinished(true) == new_value, "reader that waits");
  expect(read_of_overwritten(true) == old_value, "writer that waits");
  expect(copy_of_overwritten(true) == old_value, "host that waits");
  check_pageable_copies();
  check_kinds_of_work();
  std::printf("reader %s writer %s host %s ", name_of(read_of_unfinished(false)),
              name_of(read_of_overwritten(false)), name_of(copy_of_overwritten(false)));
  std::printf("blocking %s other %s ", name_of(copied_by_host(cudaStreamDefault)),
              name_of(copied_by_host(cudaStreamNonBlocking)));
  std::printf("questions %d\n", questions());
  return finish();
}
