// Streams and events of the CUDA runtime.
#pragma once

#include <cuda_runtime_api.h>

#include <new>

#include "core/stream.h"

namespace lq {

inline cudaStream_t native(const Stream& stream) {
  return static_cast<cudaStream_t>(stream.native());
}

/// Makes a device current for this thread's calls of the runtime while the scope lives.
class CudaDeviceScope {
 public:
  explicit CudaDeviceScope(int index);
  /// The same where nothing may be thrown: without effect if the runtime refuses.
  CudaDeviceScope(int index, std::nothrow_t) noexcept;
  ~CudaDeviceScope();
  CudaDeviceScope(const CudaDeviceScope&) = delete;
  CudaDeviceScope& operator=(const CudaDeviceScope&) = delete;

 private:
  int index_;
  int outer_ = 0;  // current outside of the scope
};

/// Owns its handle. Does not wait for the legacy default stream, nor that for it.
class CudaStream final : public Stream {
 public:
  explicit CudaStream(int index);
  ~CudaStream() override;
};

class CudaEvent final : public DeviceEvent {
 public:
  explicit CudaEvent(int index);
  ~CudaEvent() override;
  void record(Stream& stream) override;
  void delay(Stream& stream) override;
  void wait() override;

 private:
  int index_;
  cudaEvent_t event_ = nullptr;
};

}  // namespace lq
