// Streams and events. Work is done when it is issued, so streams have nothing to wait for; events
// keep the host's time.

#include <chrono>

#include "core/error.h"
#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

using namespace lq::emulator;

namespace {

std::int64_t now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

int create_stream(const char* name, Stream** stream, unsigned flags, int priority) {
  return api_call(name, [&](Device&) {
    if (stream == nullptr) return invalid_value;
    *stream = new Stream{.flags = flags, .priority = priority};
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

/// Flags that make a node of an event, which graphs do not have.
void refuse_external(const char* name, unsigned flags) {
  constexpr unsigned external = 1;
  lq::check((flags & external) == 0, "{}: flag 1 (external) is not supported", name);
}

int record(const char* name, Event* event, Stream* stream, unsigned flags) {
  return api_call(name, [&](Device&) {
    if (event == nullptr) return invalid_resource_handle;
    refuse_external(name, flags);
    return record_event(*event, stream, now());
  });
}

int wait_for(const char* name, const Event* event) {
  return api_call(name, [&](Device&) {
    return event == nullptr ? invalid_resource_handle : forbid_waiting(*event);
  });
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
    refuse_capture("cudaStreamDestroy", stream);
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
LQNET_CUDA_API int cudaStreamWaitEvent(Stream* stream, Event* event, unsigned flags) {
  return api_call("cudaStreamWaitEvent", [&](Device&) {
    if (event == nullptr) return invalid_resource_handle;
    refuse_external("cudaStreamWaitEvent", flags);
    return wait_for_event(stream, *event);
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
  return api_call("cudaLaunchHostFunc", [&](Device& device) {
    if (function == nullptr) return invalid_value;
    return issue(device, "cudaLaunchHostFunc", stream, HostWork{function, argument});
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
  return record("cudaEventRecord", event, stream, 0);
}
LQNET_CUDA_API int cudaEventRecordWithFlags(Event* event, Stream* stream, unsigned flags) {
  return record("cudaEventRecordWithFlags", event, stream, flags);
}
LQNET_CUDA_API int cudaEventSynchronize(Event* event) {
  return wait_for("cudaEventSynchronize", event);
}
LQNET_CUDA_API int cudaEventQuery(Event* event) { return wait_for("cudaEventQuery", event); }
LQNET_CUDA_API int cudaEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  return api_call("cudaEventElapsedTime", [&](Device&) {
    if (start == nullptr || end == nullptr || !start->recorded || !end->recorded) {
      return invalid_resource_handle;
    }
    if (start->capture != nullptr || end->capture != nullptr) return captured_event;
    *milliseconds = 1e-6F * static_cast<float>(end->nanoseconds - start->nanoseconds);
    return success;
  });
}
