// Where work is queued.
#pragma once

#include <string_view>

#include "core/device.h"

namespace lq {

/// Which implementation of a kernel runs: the naive oracle, the fast CPU version, or CUDA.
enum class Backend : unsigned char { reference, cpu, cuda };

std::string_view name_of(Backend backend);

/// An in-order queue of work on one device. On the CPU work is done before the call returns, and
/// the stream only names the backend; a CUDA stream (DeviceBackend::make_stream) carries its native
/// handle.
class Stream {
 public:
  explicit Stream(Backend backend = Backend::cpu, Device device = {}, void* native = nullptr)
      : device_(device), native_(native), backend_(backend) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Device device() const { return device_; }
  Backend backend() const { return backend_; }
  void* native() const { return native_; }

 private:
  Device device_;
  void* native_;
  Backend backend_;
};

/// The stream on which this thread's operations on `device` run.
Stream& current_stream(Device device);

/// Makes `stream` this thread's current stream of its device while the scope lives; scopes for
/// different devices do not hide one another. Tests use it to run whole networks on the reference
/// backend.
class StreamScope {
 public:
  explicit StreamScope(Stream& stream);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  friend Stream& current_stream(Device device);

  Stream& stream_;
  const StreamScope* outer_;
};

}  // namespace lq
