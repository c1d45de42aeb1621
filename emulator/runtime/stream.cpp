// Streams and events, which keep the host's time.

#include <chrono>
#include <memory>
#include <mutex>

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

std::mutex event_mutex;  // of where events are, which other threads may change

StreamPosition position_of(const Event& event) {
  const std::lock_guard lock(event_mutex);
  return event.position;
}

/// Flags that make a node of an event, which graphs do not have.
void refuse_external(const char* name, unsigned flags) {
  constexpr unsigned external = 1;
  lq::check((flags & external) == 0, "{}: flag 1 (external) is not supported", name);
}

int record(const char* name, Event* event, Stream* stream, unsigned flags) {
  return api_call(name, [&](Device& device) {
    if (event == nullptr) return invalid_resource_handle;
    refuse_external(name, flags);
    const ErrorCode code = record_event(*event, stream);
    if (code != success || event->capture != nullptr) return code;
    const auto time = std::make_shared<std::int64_t>(0);
    StreamPosition behind;
    const ErrorCode added = device.streams().add(
        object_of(stream), name,
        [time] {
          *time = now();
          return success;
        },
        &behind);
    const std::lock_guard lock(event_mutex);
    event->nanoseconds = time;
    event->position = behind;
    return added;
  });
}

/// Says whether the position is reached. What is asked for is done by the next time, or nobody who
/// only asks would come to an end.
ErrorCode ask_for(Device& device, const StreamPosition& position) {
  if (device.streams().is_reached(position)) return success;
  const ErrorCode code = device.streams().wait_for(position);
  return code == success ? not_ready : code;
}

ErrorCode forbid_waiting_for(const Event* event) {
  return event == nullptr ? invalid_resource_handle : forbid_waiting(*event);
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
  return api_call("cudaStreamDestroy", [&](Device& device) {
    if (!is_created(stream)) return invalid_resource_handle;
    refuse_capture("cudaStreamDestroy", stream);
    const ErrorCode code = device.streams().remove(*stream);
    delete stream;
    return code;
  });
}
LQNET_CUDA_API int cudaStreamSynchronize(Stream* stream) {
  return api_call("cudaStreamSynchronize", [&](Device& device) {
    const ErrorCode code = forbid_waiting(stream);
    if (code != success) return code;
    StreamQueues& streams = device.streams();
    Stream* const object = object_of(stream);
    return object == nullptr ? streams.wait_for_blocking() : streams.wait_for(streams.end(object));
  });
}
LQNET_CUDA_API int cudaStreamQuery(Stream* stream) {
  return api_call("cudaStreamQuery", [&](Device& device) {
    const ErrorCode code = forbid_waiting(stream);
    return code == success ? ask_for(device, device.streams().end(object_of(stream))) : code;
  });
}
LQNET_CUDA_API int cudaStreamWaitEvent(Stream* stream, Event* event, unsigned flags) {
  return api_call("cudaStreamWaitEvent", [&](Device& device) {
    if (event == nullptr) return invalid_resource_handle;
    refuse_external("cudaStreamWaitEvent", flags);
    const ErrorCode code = wait_for_event(stream, *event);
    if (code != success || event->capture != nullptr) return code;
    return device.streams().add_wait(object_of(stream), position_of(*event));
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
  return api_call("cudaEventSynchronize", [&](Device& device) {
    const ErrorCode code = forbid_waiting_for(event);
    return code == success ? device.streams().wait_for(position_of(*event)) : code;
  });
}
LQNET_CUDA_API int cudaEventQuery(Event* event) {
  return api_call("cudaEventQuery", [&](Device& device) {
    const ErrorCode code = forbid_waiting_for(event);
    return code == success ? ask_for(device, position_of(*event)) : code;
  });
}
LQNET_CUDA_API int cudaEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  return api_call("cudaEventElapsedTime", [&](Device& device) {
    if (start == nullptr || end == nullptr || !start->recorded || !end->recorded) {
      return invalid_resource_handle;
    }
    if (start->capture != nullptr || end->capture != nullptr) return captured_event;
    StreamQueues& streams = device.streams();
    if (!streams.is_reached(position_of(*start)) || !streams.is_reached(position_of(*end)))
      return not_ready;
    *milliseconds = 1e-6F * static_cast<float>(*end->nanoseconds - *start->nanoseconds);
    return success;
  });
}
