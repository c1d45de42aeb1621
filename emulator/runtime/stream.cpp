// Streams and events. Work is done when it is issued, so streams have nothing to wait for; events
// keep the host's time.

#include <chrono>

#include "emulator/runtime/device.h"
#include "emulator/runtime/graph.h"

using namespace lq::emulator;

namespace {

std::int64_t now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

int create_stream(const char* name, Stream** stream, unsigned flags, int priority) {
  return api_call(name, [&](Device&) {
    if (stream == nullptr) return invalid_value;
    *stream = new Stream{flags, priority, nullptr};
    return success;
  });
}

int create_event(const char* name, Event** event) {
  return api_call(name, [&](Device&) {
    if (event == nullptr) return invalid_value;
    *event = new Event;
    return success;
  });
}

int record_event(const char* name, Event* event, Stream* stream) {
  return api_call(name, [&](Device&) {
    refuse_capture(name, stream);
    if (event == nullptr) return invalid_resource_handle;
    *event = {true, now()};
    return success;
  });
}

int do_nothing(const char* name) {
  return api_call(name, [](Device&) { return success; });
}

}  // namespace

LQNET_CUDA_API int cudaStreamCreate(Stream** stream) {
  return create_stream("cudaStreamCreate", stream, 0, 0);
}
LQNET_CUDA_API int cudaStreamCreateWithFlags(Stream** stream, unsigned flags) {
  return create_stream("cudaStreamCreateWithFlags", stream, flags, 0);
}
LQNET_CUDA_API int cudaStreamCreateWithPriority(Stream** stream, unsigned flags, int priority) {
  return create_stream("cudaStreamCreateWithPriority", stream, flags, priority);
}
LQNET_CUDA_API int cudaStreamDestroy(Stream* stream) {
  return api_call("cudaStreamDestroy", [&](Device&) {
    if (!is_created(stream)) return invalid_resource_handle;
    delete stream;
    return success;
  });
}
LQNET_CUDA_API int cudaStreamSynchronize(Stream* stream) {
  return api_call("cudaStreamSynchronize", [&](Device&) { return forbid_waiting(stream); });
}
LQNET_CUDA_API int cudaStreamQuery(Stream* stream) {
  return api_call("cudaStreamQuery", [&](Device&) { return forbid_waiting(stream); });
}
LQNET_CUDA_API int cudaStreamWaitEvent(Stream* stream, Event*, unsigned) {
  return api_call("cudaStreamWaitEvent", [&](Device&) {
    refuse_capture("cudaStreamWaitEvent", stream);
    return success;
  });
}
LQNET_CUDA_API int cudaStreamGetFlags(Stream* stream, unsigned* flags) {
  return api_call("cudaStreamGetFlags", [&](Device&) {
    *flags = is_created(stream) ? stream->flags : 0;
    return success;
  });
}
LQNET_CUDA_API int cudaStreamGetPriority(Stream* stream, int* priority) {
  return api_call("cudaStreamGetPriority", [&](Device&) {
    *priority = is_created(stream) ? stream->priority : 0;
    return success;
  });
}
LQNET_CUDA_API int cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return api_call("cudaDeviceGetStreamPriorityRange", [&](Device&) {
    if (least != nullptr) *least = 0;
    if (greatest != nullptr) *greatest = -5;
    return success;
  });
}
LQNET_CUDA_API int cudaLaunchHostFunc(Stream* stream, void (*function)(void*), void* argument) {
  return issue("cudaLaunchHostFunc", stream, [=](Device&) {
    function(argument);
    return success;
  });
}

LQNET_CUDA_API int cudaEventCreate(Event** event) { return create_event("cudaEventCreate", event); }
LQNET_CUDA_API int cudaEventCreateWithFlags(Event** event, unsigned) {
  return create_event("cudaEventCreateWithFlags", event);
}
LQNET_CUDA_API int cudaEventDestroy(Event* event) {
  return api_call("cudaEventDestroy", [&](Device&) {
    if (event == nullptr) return invalid_resource_handle;
    delete event;
    return success;
  });
}
LQNET_CUDA_API int cudaEventRecord(Event* event, Stream* stream) {
  return record_event("cudaEventRecord", event, stream);
}
LQNET_CUDA_API int cudaEventRecordWithFlags(Event* event, Stream* stream, unsigned) {
  return record_event("cudaEventRecordWithFlags", event, stream);
}
LQNET_CUDA_API int cudaEventSynchronize(Event*) { return do_nothing("cudaEventSynchronize"); }
LQNET_CUDA_API int cudaEventQuery(Event*) { return do_nothing("cudaEventQuery"); }
LQNET_CUDA_API int cudaEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  return api_call("cudaEventElapsedTime", [&](Device&) {
    if (start == nullptr || end == nullptr || !start->recorded || !end->recorded) {
      return invalid_resource_handle;
    }
    *milliseconds = 1e-6F * static_cast<float>(end->nanoseconds - start->nanoseconds);
    return success;
  });
}
