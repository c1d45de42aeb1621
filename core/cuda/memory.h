// Memory of one GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>
#include <unordered_map>

#include "core/allocator.h"
#include "core/device.h"

namespace lq {

/// Freed blocks are kept for the stream that they were allocated on: its next owner's work comes
/// behind that of the last, so neither has to wait. Where memory runs out, those of all streams go
/// back to the driver, which is then asked once more. Thread-safe.
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
  // With the mutex held.
  BlockCache& cache_of(cudaStream_t stream);
  void* take(cudaStream_t stream, std::size_t bytes);
  void* take_from_driver(std::size_t bytes);
  void give_to_driver(void* block, std::size_t bytes) noexcept;

  int index_;
  bool caching_;
  mutable std::mutex mutex_;
  MemoryUse use_;
  std::size_t held_bytes_ = 0;  // of the driver's: in use, or idle in a cache
  std::unordered_map<cudaStream_t, BlockCache> caches_;
  std::unordered_map<void*, cudaStream_t> owners_;
};

}  // namespace lq
