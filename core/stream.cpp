#include "core/stream.h"

#include "core/error.h"

namespace lq {

std::string_view name_of(Backend backend) {
  switch (backend) {
    case Backend::reference:
      return "reference";
    case Backend::cpu:
      return "cpu";
    case Backend::cuda:
      return "cuda";
  }
  return "?";
}

namespace {
thread_local Stream* scoped_stream = nullptr;
}

Stream& current_stream(Device device) {
  if (scoped_stream != nullptr && scoped_stream->device() == device) return *scoped_stream;
  check(device.type == DeviceType::cpu,
        "device {}: this build of lqnet has no CUDA backend, use --device cpu", device.to_string());
  thread_local Stream cpu_stream;
  return cpu_stream;
}

StreamScope::StreamScope(Stream& stream) : previous_(scoped_stream) { scoped_stream = &stream; }
StreamScope::~StreamScope() { scoped_stream = previous_; }

}  // namespace lq
