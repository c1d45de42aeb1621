// Entry points of capture; streams and events have theirs in stream.cpp.

#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

using namespace lq::emulator;

namespace {

bool is_mode(int mode) { return mode >= 0 && mode <= static_cast<int>(CaptureMode::relaxed); }

}  // namespace

LQNET_CUDA_API int cudaStreamBeginCapture(Stream* stream, int mode) {
  return api_call("cudaStreamBeginCapture", [&](Device&) {
    return is_mode(mode) ? begin_capture(stream, static_cast<CaptureMode>(mode)) : invalid_value;
  });
}

LQNET_CUDA_API int cudaStreamEndCapture(Stream* stream, Graph** graph) {
  return api_call("cudaStreamEndCapture", [&](Device&) {
    if (graph == nullptr) return invalid_value;
    *graph = nullptr;
    return end_capture(stream, graph);
  });
}

LQNET_CUDA_API int cudaStreamIsCapturing(Stream* stream, int* status) {
  return api_call("cudaStreamIsCapturing", [&](Device&) {
    if (status == nullptr) return invalid_value;
    const CaptureInfo info = capture_info(stream);
    *status = static_cast<int>(info.status);
    return info.code;
  });
}

LQNET_CUDA_API int cudaStreamGetCaptureInfo(Stream* stream, int* status, unsigned long long* id,
                                            Graph** graph, GraphNode* const** dependencies,
                                            const EdgeData** edges, std::size_t* count) {
  return api_call("cudaStreamGetCaptureInfo", [&](Device&) {
    if (status == nullptr || (edges != nullptr && dependencies == nullptr)) return invalid_value;
    const CaptureInfo info = capture_info(stream);
    *status = static_cast<int>(info.status);
    if (info.code != success || info.status != CaptureStatus::active) return info.code;
    // All edges are ordinary; the array has to last until the stream's next call.
    thread_local std::vector<EdgeData> ordinary;
    ordinary.assign(info.dependencies->size(), {});
    if (id != nullptr) *id = info.id;
    if (graph != nullptr) *graph = info.graph;
    if (dependencies != nullptr) *dependencies = info.dependencies->data();
    if (edges != nullptr) *edges = ordinary.data();
    if (count != nullptr) *count = info.dependencies->size();
    return success;
  });
}

LQNET_CUDA_API int cudaThreadExchangeStreamCaptureMode(int* mode) {
  return api_call("cudaThreadExchangeStreamCaptureMode", [&](Device&) {
    if (mode == nullptr || !is_mode(*mode)) return invalid_value;
    *mode = static_cast<int>(exchange_capture_mode(static_cast<CaptureMode>(*mode)));
    return success;
  });
}
