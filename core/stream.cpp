#include "core/stream.h"

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
  return device_backend(device.type).default_stream(device.index);
}

StreamScope::StreamScope(Stream& stream) : stream_(stream), outer_(innermost_scope) {
  innermost_scope = this;
}
StreamScope::~StreamScope() { innermost_scope = outer_; }

}  // namespace lq
