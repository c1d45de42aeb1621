// Memory of one GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>
#include <unordered_map>

#include "core/allocator.h"
#include "core/device.h"

namespace lq {

/// Freed blocks are kept for the stream that they were allocated on: its next owner's work comes
/// behind that of the last, so neither has to wait. Thread-safe.
class CudaMemory final : public DeviceMemory {
 public:
  CudaMemory(int index, bool caching) : index_(index), caching_(caching) {}

  void* allocate(std::size_t bytes) override;
  void deallocate(void* pointer, std::size_t bytes) noexcept override;
  void zero(void* pointer, std::size_t bytes, Stream& stream) override;
  void copy(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes,
            Stream& stream) override;

  MemoryUse use() const override;
  void reset_peak() override;

  /// Gives the idle blocks of a stream, which has no more work and will get none, to the driver.
  void forget(cudaStream_t stream) noexcept;

 private:
  BlockCache& cache_of(cudaStream_t stream);

  int index_;
  bool caching_;
  mutable std::mutex mutex_;
  MemoryUse use_;
  std::unordered_map<cudaStream_t, BlockCache> caches_;
  std::unordered_map<void*, cudaStream_t> owners_;
};

}  // namespace lq
