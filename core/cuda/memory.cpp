#include "core/cuda/memory.h"

#include <algorithm>
#include <exception>

#include "core/cuda/check.h"
#include "core/cuda/stream.h"
#include "core/error.h"

namespace lq {

namespace {

/// What the driver has no room for.
class OutOfMemory : public std::exception {};

}  // namespace

void* CudaMemory::take_from_driver(std::size_t bytes) {
  void* pointer = nullptr;
  const cudaError_t status = cudaMalloc(&pointer, std::max<std::size_t>(bytes, 1));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw OutOfMemory();
  }
  check_cuda(status, "cudaMalloc");
  held_bytes_ += BlockCache::rounded(bytes);
  return pointer;
}

void CudaMemory::give_to_driver(void* block, std::size_t bytes) noexcept {
  const CudaDeviceScope device(index_, std::nothrow);
  cudaFree(block);
  held_bytes_ -= BlockCache::rounded(bytes);
}

BlockCache& CudaMemory::cache_of(cudaStream_t stream) {
  return caches_
      .try_emplace(
          stream, [this](std::size_t bytes) { return take_from_driver(bytes); },
          [this](void* block, std::size_t bytes) { give_to_driver(block, bytes); })
      .first->second;
}

void* CudaMemory::take(cudaStream_t stream, std::size_t bytes) {
  return caching_ ? cache_of(stream).take(bytes) : take_from_driver(bytes);
}

void* CudaMemory::allocate(std::size_t bytes) {
  const CudaDeviceScope device(index_);
  const cudaStream_t stream = native(current_stream({DeviceType::cuda, index_}));
  const std::lock_guard lock(mutex_);
  const std::size_t idle_bytes = held_bytes_ - use_.bytes;
  void* block = nullptr;
  try {
    block = take(stream, bytes);
  } catch (const OutOfMemory&) {
    // The driver waits for the work on what it takes back.
    for (auto& [owner, cache] : caches_) cache.trim();
    try {
      block = take(stream, bytes);
    } catch (const OutOfMemory&) {
      std::size_t free = 0;
      std::size_t total = 0;
      check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
      fail(
          "out of memory: {} bytes asked for on cuda:{}, where {} of {} are free and {} in "
          "use here; {} that were idle have been given back",
          bytes, index_, free, total, use_.bytes, idle_bytes);
    }
  }
  if (caching_) owners_.emplace(block, stream);
  use_.bytes += BlockCache::rounded(bytes);
  use_.peak_bytes = std::max(use_.peak_bytes, use_.bytes);
  return block;
}

void CudaMemory::deallocate(void* pointer, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  use_.bytes -= BlockCache::rounded(bytes);
  if (!caching_) {
    give_to_driver(pointer, bytes);
    return;
  }
  const auto owner = owners_.find(pointer);
  const auto cache = caches_.find(owner->second);
  owners_.erase(owner);
  if (cache == caches_.end()) {
    give_to_driver(pointer, bytes);  // its stream is gone
  } else {
    cache->second.give_back(pointer, bytes);
  }
}

MemoryUse CudaMemory::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void CudaMemory::reset_peak() {
  const std::lock_guard lock(mutex_);
  use_.peak_bytes = use_.bytes;
}

void CudaMemory::forget(cudaStream_t stream) noexcept {
  const std::lock_guard lock(mutex_);
  caches_.erase(stream);
}

void CudaMemory::zero(void* pointer, std::size_t bytes, Stream& stream) {
  if (bytes == 0) return;
  const CudaDeviceScope device(stream.device().index);
  check_cuda(cudaMemsetAsync(pointer, 0, bytes, native(stream)), "cudaMemsetAsync");
}

void CudaMemory::copy(void* to, Device to_device, const void* from, Device from_device,
                      std::size_t bytes, Stream& stream) {
  if (bytes == 0) return;
  const CudaDeviceScope device(stream.device().index);
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, native(stream)),
             "cudaMemcpyAsync");
  if (to_device.type == DeviceType::cpu || from_device.type == DeviceType::cpu) {
    check_cuda(cudaStreamSynchronize(native(stream)), "copy between host and device");
  }
}

}  // namespace lq
