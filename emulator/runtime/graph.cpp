#include "emulator/runtime/graph.h"

#include <algorithm>

#include "core/error.h"
#include "emulator/runtime/device.h"

namespace lq::emulator {
namespace {

constexpr int relaxed_mode = 2;  // cudaStreamCaptureModeRelaxed

/// Captures that this thread has begun.
thread_local std::vector<Capture*> captures_of_thread;

ErrorCode invalidate(Capture& capture) {
  capture.is_invalidated = true;
  return capture_unsupported;
}

}  // namespace

Capture* capture_of(Stream* stream) { return is_created(stream) ? stream->capture.get() : nullptr; }

int issue(const char* name, Stream* stream, Work work) {
  return api_call(name, [&](Device& device) {
    Capture* const capture = capture_of(stream);
    if (capture == nullptr) return work(device);
    if (capture->is_invalidated) return capture_invalidated;
    capture->graph.work.push_back(std::move(work));
    return success;
  });
}

void refuse_capture(const char* name, Stream* stream) {
  check(capture_of(stream) == nullptr, "{}: not supported in a captured stream", name);
}

ErrorCode forbid_in_capture() {
  for (Capture* const capture : captures_of_thread) {
    if (!capture->is_relaxed) return invalidate(*capture);
  }
  return success;
}

ErrorCode forbid_waiting(Stream* stream) {
  Capture* const capture = capture_of(stream);
  return capture == nullptr ? success : invalidate(*capture);
}

}  // namespace lq::emulator

using namespace lq::emulator;

LQNET_CUDA_API int cudaStreamBeginCapture(Stream* stream, int mode) {
  return api_call("cudaStreamBeginCapture", [&](Device&) {
    if (!is_created(stream)) return capture_unsupported;  // the legacy stream cannot be
    if (stream->capture != nullptr) return illegal_state;
    stream->capture = std::make_shared<Capture>();
    stream->capture->is_relaxed = mode == relaxed_mode;
    captures_of_thread.push_back(stream->capture.get());
    return success;
  });
}

LQNET_CUDA_API int cudaStreamEndCapture(Stream* stream, Graph** graph) {
  return api_call("cudaStreamEndCapture", [&](Device&) {
    if (graph == nullptr) return invalid_value;
    *graph = nullptr;
    Capture* const capture = capture_of(stream);
    if (capture == nullptr) return illegal_state;
    const bool is_of_thread = std::erase(captures_of_thread, capture) > 0;
    if (!is_of_thread && !capture->is_relaxed) return capture_wrong_thread;
    const std::shared_ptr<Capture> ended = std::move(stream->capture);
    if (ended->is_invalidated) return capture_invalidated;
    *graph = new Graph(std::move(ended->graph));
    return success;
  });
}

LQNET_CUDA_API int cudaStreamIsCapturing(Stream* stream, int* status) {
  return api_call("cudaStreamIsCapturing", [&](Device&) {
    const Capture* const capture = capture_of(stream);
    *status = capture == nullptr ? 0 : capture->is_invalidated ? 2 : 1;
    return success;
  });
}

LQNET_CUDA_API int cudaGraphCreate(Graph** graph, unsigned) {
  return api_call("cudaGraphCreate", [&](Device&) {
    if (graph == nullptr) return invalid_value;
    *graph = new Graph;
    return success;
  });
}

LQNET_CUDA_API int cudaGraphDestroy(Graph* graph) {
  return api_call("cudaGraphDestroy", [&](Device&) {
    delete graph;
    return success;
  });
}

LQNET_CUDA_API int cudaGraphInstantiate(Graph** executable, Graph* graph, unsigned long long) {
  return api_call("cudaGraphInstantiate", [&](Device&) {
    if (executable == nullptr || graph == nullptr) return invalid_value;
    *executable = new Graph(*graph);
    return success;
  });
}

LQNET_CUDA_API int cudaGraphInstantiateWithFlags(Graph** executable, Graph* graph,
                                                 unsigned long long flags) {
  return cudaGraphInstantiate(executable, graph, flags);
}

LQNET_CUDA_API int cudaGraphExecDestroy(Graph* executable) {
  return api_call("cudaGraphExecDestroy", [&](Device&) {
    delete executable;
    return success;
  });
}

LQNET_CUDA_API int cudaGraphUpload(Graph*, Stream*) {
  return api_call("cudaGraphUpload", [](Device&) { return success; });
}

LQNET_CUDA_API int cudaGraphLaunch(Graph* executable, Stream* stream) {
  if (executable == nullptr) {
    return api_call("cudaGraphLaunch", [](Device&) { return invalid_value; });
  }
  // In a captured stream, a graph becomes a part of the graph.
  return issue("cudaGraphLaunch", stream, [work = executable->work](Device& device) {
    for (const Work& piece : work) {
      if (const ErrorCode code = piece(device); code != success) return code;
    }
    return success;
  });
}
