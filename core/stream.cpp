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
thread_local const StreamScope* innermost_scope = nullptr;
}

Stream& current_stream(Device device) {
  for (const StreamScope* scope = innermost_scope; scope != nullptr; scope = scope->outer_) {
    if (scope->stream_.device() == device) return scope->stream_;
  }
  check(device.type == DeviceType::cpu,
        "device {}: this build of lqnet has no CUDA backend, use --device cpu", device);
  thread_local Stream cpu_stream;
  return cpu_stream;
}

StreamScope::StreamScope(Stream& stream) : stream_(stream), outer_(innermost_scope) {
  innermost_scope = this;
}
StreamScope::~StreamScope() { innermost_scope = outer_; }

}  // namespace lq
