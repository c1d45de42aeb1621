// Graphs made node by node, captures of several streams, and what captures forbid, against direct
// launches of the same work.

#include <cstring>
#include <vector>

#include "check.h"

namespace {

constexpr int count = 600;

/// Work of which the order matters: x -> factor * x + term.
__global__ void transform(int* values, int factor, int term) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) values[i] = factor * values[i] + term;
}

__global__ void add(const int* x, const int* y, int* sum) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) sum[i] = x[i] + y[i];
}

constexpr int blocks = 5;
constexpr int threads = 128;

std::vector<int> numbers() {
  std::vector<int> values(count);
  for (int i = 0; i < count; ++i) values[i] = 3 * i - 100;
  return values;
}

/// Parameters of transform() whose arguments may go once they have been handed over.
struct Transform {
  int* values;
  int factor;
  int term;
  void* arguments[3] = {&values, &factor, &term};

  cudaKernelNodeParams parameters() {
    cudaKernelNodeParams result{};
    result.func = reinterpret_cast<void*>(transform);
    result.gridDim = dim3(blocks);
    result.blockDim = dim3(threads);
    result.kernelParams = arguments;
    return result;
  }
};

cudaGraphNode_t add_transform(cudaGraph_t graph, std::vector<cudaGraphNode_t> dependencies,
                              int* values, int factor, int term) {
  Transform own{values, factor, term};
  const cudaKernelNodeParams parameters = own.parameters();
  cudaGraphNode_t node = nullptr;
  require(
      cudaGraphAddKernelNode(&node, graph, dependencies.data(), dependencies.size(), &parameters),
      "cudaGraphAddKernelNode");
  own.factor = own.term = -1;
  return node;
}

cudaGraphExec_t instantiate(cudaGraph_t graph) {
  cudaGraphExec_t executable = nullptr;
  require(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  return executable;
}

void run(cudaGraphExec_t executable) {
  require(cudaGraphUpload(executable, nullptr), "cudaGraphUpload");
  require(cudaGraphLaunch(executable, nullptr), "cudaGraphLaunch");
  require(cudaDeviceSynchronize(), "synchronize");
}

bool is_transformed(const std::vector<int>& values, int factor, int term) {
  const std::vector<int> before = numbers();
  for (int i = 0; i < count; ++i) {
    if (values[i] != factor * before[i] + term) return false;
  }
  return true;
}

void store_answer(void* place) { *static_cast<int*>(place) = 42; }

/// Nodes of each kind; edges make them run in another order than they were made in.
void nodes_follow_dependencies() {
  const std::vector<int> host = numbers();
  std::vector<int> result(count);
  int answer = 0;
  Buffer<int> values(count);
  Buffer<short> pattern(64);
  cudaGraph_t graph = nullptr;
  require(cudaGraphCreate(&graph, 0), "cudaGraphCreate");
  cudaGraphNode_t down, second, first, up, fill, host_node, join;
  require(cudaGraphAddMemcpyNode1D(&down, graph, nullptr, 0, result.data(), values.get(),
                                   count * sizeof(int), cudaMemcpyDeviceToHost),
          "copy down");
  second = add_transform(graph, {}, values.get(), 2, 5);
  first = add_transform(graph, {second}, values.get(), 7, 1);
  cudaGraph_t cycle = nullptr;
  require(cudaGraphClone(&cycle, graph), "cudaGraphClone");
  require(cudaGraphAddMemcpyNode1D(&up, graph, nullptr, 0, values.get(), host.data(),
                                   count * sizeof(int), cudaMemcpyHostToDevice),
          "copy up");
  cudaMemsetParams set{};
  set.dst = pattern.get();
  set.value = 0x1234;
  set.elementSize = 2;
  set.width = 16;
  set.height = 2;
  set.pitch = 64;
  require(cudaGraphAddMemsetNode(&fill, graph, nullptr, 0, &set), "cudaGraphAddMemsetNode");
  const cudaHostNodeParams call{store_answer, &answer};
  require(cudaGraphAddHostNode(&host_node, graph, &fill, 1, &call), "cudaGraphAddHostNode");
  const cudaGraphNode_t both[] = {down, host_node};
  require(cudaGraphAddEmptyNode(&join, graph, both, 2), "cudaGraphAddEmptyNode");
  const cudaGraphNode_t from[] = {up, first};
  const cudaGraphNode_t to[] = {second, down};
  require(cudaGraphAddDependencies(graph, from, to, nullptr, 2), "cudaGraphAddDependencies");

  const cudaGraphExec_t executable = instantiate(graph);
  expect(answer == 0, "nothing has run");
  run(executable);
  expect(is_transformed(result, 14, 36), "two kernels, the second node first");
  expect(answer == 42, "a node of the host");
  std::vector<short> row(16);
  require(cudaMemcpy(row.data(), pattern.get() + 32, 32, cudaMemcpyDefault), "copy");
  expect(row == std::vector<short>(16, 0x1234), "the second row of a fill");

  std::size_t total = 0, roots = 10;
  cudaGraphNode_t found[10];
  require(cudaGraphGetNodes(graph, nullptr, &total), "cudaGraphGetNodes");
  require(cudaGraphGetRootNodes(graph, found, &roots), "cudaGraphGetRootNodes");
  expect(total == 7 && roots == 2 && found[0] == up && found[1] == fill && found[2] == nullptr,
         "nodes and roots");
  cudaGraphNodeType type;
  require(cudaGraphNodeGetType(host_node, &type), "cudaGraphNodeGetType");
  expect(type == cudaGraphNodeTypeHost, "the type of a node");
  expect(cudaGraphAddDependencies(graph, from, to, nullptr, 1) == cudaErrorInvalidValue,
         "an edge that is there already");

  // Clones have nodes of their own, and a cycle cannot be run.
  require(cudaGraphNodeFindInClone(&found[0], first, cycle), "cudaGraphNodeFindInClone");
  require(cudaGraphNodeFindInClone(&found[1], second, cycle), "cudaGraphNodeFindInClone");
  expect(found[0] != first && found[1] != second, "nodes of a clone");
  require(cudaGraphAddDependencies(cycle, &found[0], &found[1], nullptr, 1), "close the cycle");
  cudaGraphExec_t none = nullptr;
  expect(cudaGraphInstantiate(&none, cycle, 0) == cudaErrorInvalidValue, "a cycle");
  require(cudaGraphExecDestroy(executable), "destroy");
  require(cudaGraphDestroy(graph), "destroy");
  require(cudaGraphDestroy(cycle), "destroy");
  cudaGetLastError();
}

/// A box of a volume, and a graph within a graph.
void children_and_boxes() {
  std::vector<int> volume(4 * 5 * 6), box(2 * 3 * 2, -1);
  for (int i = 0; i < static_cast<int>(volume.size()); ++i) volume[i] = i;
  Buffer<int> source(volume);
  cudaMemcpy3DParms copy{};
  copy.srcPtr = make_cudaPitchedPtr(source.get(), 6 * sizeof(int), 6, 5);
  copy.srcPos = make_cudaPos(2 * sizeof(int), 1, 1);
  copy.dstPtr = make_cudaPitchedPtr(box.data(), 2 * sizeof(int), 2, 3);
  copy.extent = make_cudaExtent(2 * sizeof(int), 3, 2);
  copy.kind = cudaMemcpyDeviceToHost;
  cudaGraph_t child = nullptr, parent = nullptr;
  require(cudaGraphCreate(&child, 0), "cudaGraphCreate");
  require(cudaGraphCreate(&parent, 0), "cudaGraphCreate");
  cudaGraphNode_t copy_node, child_node, before;
  Buffer<int> values(numbers());
  require(cudaGraphAddMemcpyNode(&copy_node, child, nullptr, 0, &copy), "cudaGraphAddMemcpyNode");
  add_transform(child, {}, values.get(), 3, 0);
  before = add_transform(parent, {}, values.get(), 1, 10);
  require(cudaGraphAddChildGraphNode(&child_node, parent, &before, 1, child), "child");
  // The child was copied, so this makes no difference.
  add_transform(child, {}, values.get(), 0, 0);
  run(instantiate(parent));
  expect(is_transformed(values.download(), 3, 30), "a graph in a graph");
  for (int z = 0; z < 2; ++z) {
    for (int y = 0; y < 3; ++y) {
      for (int x = 0; x < 2; ++x) {
        expect(box[(z * 3 + y) * 2 + x] == ((z + 1) * 5 + y + 1) * 6 + x + 2, "a box");
      }
    }
  }
}

void updates() {
  Buffer<int> values(numbers());
  Buffer<int> others(numbers());
  cudaGraph_t graph = nullptr, other = nullptr;
  require(cudaGraphCreate(&graph, 0), "cudaGraphCreate");
  const cudaGraphNode_t first = add_transform(graph, {}, values.get(), 2, 1);
  add_transform(graph, {first}, values.get(), 3, 0);
  const cudaGraphExec_t executable = instantiate(graph);
  Transform changed{values.get(), 5, 7};
  const cudaKernelNodeParams parameters = changed.parameters();
  require(cudaGraphExecKernelNodeSetParams(executable, first, &parameters), "set parameters");
  run(executable);
  expect(is_transformed(values.download(), 15, 21), "other parameters of a node");

  require(cudaGraphCreate(&other, 0), "cudaGraphCreate");
  const cudaGraphNode_t new_first = add_transform(other, {}, others.get(), -1, 4);
  cudaGraphExecUpdateResultInfo info{};
  expect(cudaGraphExecUpdate(executable, other, &info) == cudaErrorGraphExecUpdateFailure &&
             info.result == cudaGraphExecUpdateErrorTopologyChanged,
         "an update by a smaller graph");
  const cudaGraphNode_t loose = add_transform(other, {}, others.get(), 10, 0);
  expect(cudaGraphExecUpdate(executable, other, &info) == cudaErrorGraphExecUpdateFailure &&
             info.result == cudaGraphExecUpdateErrorTopologyChanged && info.errorNode == loose,
         "an update without an edge");
  require(cudaGraphAddDependencies(other, &new_first, &loose, nullptr, 1), "add the edge");
  require(cudaGraphExecUpdate(executable, other, &info), "cudaGraphExecUpdate");
  run(executable);
  expect(is_transformed(others.download(), -10, 40), "an update of everything");
  expect(is_transformed(values.download(), 15, 21), "the old values are left alone");

  cudaGraph_t fills = nullptr;
  require(cudaGraphCreate(&fills, 0), "cudaGraphCreate");
  cudaGraphNode_t empty;
  require(cudaGraphAddEmptyNode(&empty, fills, nullptr, 0), "cudaGraphAddEmptyNode");
  add_transform(fills, {empty}, others.get(), 1, 1);
  expect(cudaGraphExecUpdate(executable, fills, &info) == cudaErrorGraphExecUpdateFailure &&
             info.result == cudaGraphExecUpdateErrorNodeTypeChanged && info.errorNode == empty,
         "an update by another kind of node");
  cudaGetLastError();
}

struct Streams {
  cudaStream_t main = nullptr;
  cudaStream_t side = nullptr;
  cudaEvent_t fork = nullptr;
  cudaEvent_t join = nullptr;

  explicit Streams(unsigned flags) {
    require(cudaStreamCreateWithFlags(&main, flags), "stream");
    require(cudaStreamCreateWithFlags(&side, flags), "stream");
    require(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming), "event");
    require(cudaEventCreateWithFlags(&join, cudaEventDisableTiming), "event");
  }
};

void begin(const Streams& streams) {
  require(cudaStreamBeginCapture(streams.main, cudaStreamCaptureModeGlobal), "begin");
}

/// Both streams transform their own values, and the first one adds them up.
void fork_and_join(const Streams& streams, int* x, int* y, int* sum) {
  transform<<<blocks, threads, 0, streams.main>>>(x, 1, 1);
  require(cudaEventRecord(streams.fork, streams.main), "fork");
  require(cudaStreamWaitEvent(streams.side, streams.fork), "fork");
  transform<<<blocks, threads, 0, streams.side>>>(y, 4, 2);
  transform<<<blocks, threads, 0, streams.main>>>(x, 6, 3);
  require(cudaEventRecord(streams.join, streams.side), "join");
  require(cudaStreamWaitEvent(streams.main, streams.join), "join");
  add<<<blocks, threads, 0, streams.main>>>(x, y, sum);
}

void captures_fork_and_join(const Streams& streams) {
  Buffer<int> x(numbers()), y(numbers()), sum(count);
  Buffer<int> direct_x(numbers()), direct_y(numbers()), direct_sum(count);
  fork_and_join(streams, direct_x.get(), direct_y.get(), direct_sum.get());
  require(cudaDeviceSynchronize(), "synchronize");

  begin(streams);
  fork_and_join(streams, x.get(), y.get(), sum.get());
  cudaStreamCaptureStatus status;
  unsigned long long id = 0;
  cudaGraph_t graph = nullptr;
  const cudaGraphNode_t* dependencies = nullptr;
  const cudaGraphEdgeData* edges = nullptr;
  std::size_t dependency_count = 0;
  require(cudaStreamGetCaptureInfo(streams.side, &status, &id, &graph, &dependencies, &edges,
                                   &dependency_count),
          "cudaStreamGetCaptureInfo");
  std::size_t nodes = 0;
  require(cudaGraphGetNodes(graph, nullptr, &nodes), "cudaGraphGetNodes");
  expect(status == cudaStreamCaptureStatusActive && id != 0 && nodes == 4 && dependency_count == 1,
         "the capture of the side stream");
  require(cudaStreamEndCapture(streams.main, &graph), "end");

  std::size_t roots = 0;
  require(cudaGraphGetRootNodes(graph, nullptr, &roots), "cudaGraphGetRootNodes");
  expect(roots == 1, "a fork has one root");
  cudaGraphNode_t last[4];
  nodes = 4;
  require(cudaGraphGetNodes(graph, last, &nodes), "cudaGraphGetNodes");
  cudaGraphNode_t before[4];
  std::size_t before_count = 4;
  require(cudaGraphNodeGetDependencies(last[3], before, nullptr, &before_count), "dependencies");
  expect(before_count == 2, "a join depends on both");
  run(instantiate(graph));
  expect(sum.download() == direct_sum.download(), "the graph does what the streams did");
  require(cudaStreamIsCapturing(streams.side, &status), "is capturing");
  expect(status == cudaStreamCaptureStatusNone, "the side stream is free again");
}

void expect_spoilt(const Streams& streams, cudaError_t code, cudaError_t expected,
                   const char* what) {
  expect(code == expected, what);
  cudaStreamCaptureStatus status;
  require(cudaStreamIsCapturing(streams.main, &status), "is capturing");
  expect(status == cudaStreamCaptureStatusInvalidated, what);
  cudaGraph_t graph = nullptr;
  expect(cudaStreamEndCapture(streams.main, &graph) == cudaErrorStreamCaptureInvalidated, what);
  expect(graph == nullptr, what);
  cudaGetLastError();
}

void captures_forbid(const Streams& streams, const Streams& more) {
  Buffer<int> values(numbers());
  int word = 0;
  void* memory = nullptr;
  cudaGraph_t graph = nullptr;
  require(cudaEventRecord(streams.join, streams.side), "an event outside");

  begin(streams);
  expect_spoilt(streams, cudaStreamWaitEvent(streams.main, streams.join),
                cudaErrorStreamCaptureIsolation, "a wait for what came before");
  begin(streams);
  require(cudaEventRecord(streams.fork, streams.main), "record");
  expect_spoilt(streams, cudaEventQuery(streams.fork), cudaErrorCapturedEvent, "a captured event");
  expect(cudaStreamWaitEvent(streams.side, streams.fork) == cudaErrorCapturedEvent,
         "an event of a capture that has ended");
  begin(streams);
  expect_spoilt(streams, cudaMemcpy(&word, values.get(), 4, cudaMemcpyDefault),
                cudaErrorStreamCaptureUnsupported, "a copy that waits");
  begin(streams);
  expect_spoilt(streams, cudaMallocHost(&memory, 4), cudaErrorStreamCaptureUnsupported,
                "an allocation");
  begin(streams);
  expect_spoilt(streams, cudaStreamQuery(streams.main), cudaErrorStreamCaptureUnsupported,
                "a query of the stream");

  begin(streams);
  require(cudaEventRecord(streams.fork, streams.main), "fork");
  require(cudaStreamWaitEvent(streams.side, streams.fork), "fork");
  transform<<<blocks, threads, 0, streams.side>>>(values.get(), 1, 1);
  expect(cudaStreamEndCapture(streams.main, &graph) == cudaErrorStreamCaptureUnjoined,
         "a fork without a join");
  expect(graph == nullptr, "no graph of it");

  begin(streams);
  require(cudaEventRecord(streams.fork, streams.main), "fork");
  require(cudaStreamWaitEvent(streams.side, streams.fork), "fork");
  expect_spoilt(streams, cudaStreamEndCapture(streams.side, &graph),
                cudaErrorStreamCaptureUnmatched, "an end in another stream");

  begin(streams);
  begin(more);
  require(cudaEventRecord(more.fork, more.main), "record");
  expect_spoilt(streams, cudaStreamWaitEvent(streams.main, more.fork), cudaErrorStreamCaptureMerge,
                "two captures");
  expect(cudaStreamEndCapture(more.main, &graph) == cudaErrorStreamCaptureInvalidated,
         "the other capture");

  // A thread may let its own calls pass.
  begin(streams);
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  require(cudaThreadExchangeStreamCaptureMode(&mode), "exchange");
  expect(mode == cudaStreamCaptureModeGlobal, "the first mode");
  require(cudaMalloc(&memory, 4), "an allocation in relaxed mode");
  require(cudaThreadExchangeStreamCaptureMode(&mode), "exchange");
  // So does the legacy stream, if the captured one does not wait for it.
  transform<<<blocks, threads>>>(values.get(), 2, 0);
  require(cudaStreamEndCapture(streams.main, &graph), "end");
  cudaGetLastError();
  expect(is_transformed(values.download(), 2, 0), "a launch outside of the capture");
}

void blocking_streams_forbid_the_legacy_stream() {
  const Streams streams(cudaStreamDefault);
  Buffer<int> values(numbers());
  begin(streams);
  cudaStreamCaptureStatus status;
  expect(cudaStreamIsCapturing(nullptr, &status) == cudaErrorStreamCaptureImplicit,
         "asking for the legacy stream");
  require(cudaStreamIsCapturing(streams.main, &status), "is capturing");
  expect(status == cudaStreamCaptureStatusActive, "asking spoils nothing");
  transform<<<blocks, threads>>>(values.get(), 2, 0);
  expect_spoilt(streams, cudaPeekAtLastError(), cudaErrorStreamCaptureImplicit,
                "a launch in the legacy stream");
  begin(streams);
  expect_spoilt(streams, cudaMemset(values.get(), 0, 4), cudaErrorStreamCaptureImplicit,
                "a fill in the legacy stream");
}

}  // namespace

int main() {
  nodes_follow_dependencies();
  children_and_boxes();
  updates();
  const Streams streams(cudaStreamNonBlocking), more(cudaStreamNonBlocking);
  captures_fork_and_join(streams);
  captures_forbid(streams, more);
  blocking_streams_forbid_the_legacy_stream();
  return finish();
}
