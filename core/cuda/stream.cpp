#include "core/cuda/stream.h"

#include "core/cuda/backend.h"
#include "core/cuda/check.h"
#include "core/cuda/memory.h"

namespace lq {

CudaDeviceScope::CudaDeviceScope(int index) : index_(index) {
  check_cuda(cudaGetDevice(&outer_), "cudaGetDevice");
  if (outer_ != index_) check_cuda(cudaSetDevice(index_), "cudaSetDevice");
}

CudaDeviceScope::CudaDeviceScope(int index, std::nothrow_t) noexcept : index_(index) {
  if (cudaGetDevice(&outer_) != cudaSuccess) outer_ = index_;
  if (outer_ != index_) cudaSetDevice(index_);
}

CudaDeviceScope::~CudaDeviceScope() {
  if (outer_ != index_) cudaSetDevice(outer_);
}

namespace {

cudaStream_t make_native(int index) {
  const CudaDeviceScope device(index);
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return stream;
}

}  // namespace

CudaStream::CudaStream(int index)
    : Stream(Backend::cuda, {DeviceType::cuda, index}, make_native(index)) {}

CudaStream::~CudaStream() {
  const CudaDeviceScope scope(device().index, std::nothrow);
  cudaStreamSynchronize(lq::native(*this));
  static_cast<CudaMemory&>(cuda_backend().memory(device().index)).forget(lq::native(*this));
  cudaStreamDestroy(lq::native(*this));
}

CudaEvent::CudaEvent(int index) : index_(index) {
  const CudaDeviceScope device(index_);
  check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreate");
}

CudaEvent::~CudaEvent() {
  const CudaDeviceScope device(index_, std::nothrow);
  cudaEventDestroy(event_);
}

void CudaEvent::record(Stream& stream) {
  const CudaDeviceScope device(index_);
  check_cuda(cudaEventRecord(event_, native(stream)), "cudaEventRecord");
}

void CudaEvent::delay(Stream& stream) {
  const CudaDeviceScope device(stream.device().index);
  check_cuda(cudaStreamWaitEvent(native(stream), event_, 0), "cudaStreamWaitEvent");
}

void CudaEvent::wait() {
  const CudaDeviceScope device(index_);
  check_cuda(cudaEventSynchronize(event_), "cudaEventSynchronize");
}

}  // namespace lq
