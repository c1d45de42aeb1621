#include "core/cpu_backend.h"

#include <cstdlib>
#include <cstring>

#include "core/allocator.h"
#include "core/error.h"
#include "core/isa.h"
#include "core/stream.h"

namespace lq {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool caching = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool caching = false;
#else
constexpr bool caching = true;
#endif
#else
constexpr bool caching = true;
#endif

constexpr std::size_t host_alignment = 64;

class HostMemory final : public DeviceMemory {
 public:
  void* allocate(std::size_t bytes) override { return cache.take(bytes); }
  void deallocate(void* pointer, std::size_t bytes) noexcept override {
    cache.give_back(pointer, bytes);
  }
  void zero(void* pointer, std::size_t bytes, Stream&) override { std::memset(pointer, 0, bytes); }
  void copy(void* to, Device, const void* from, Device, std::size_t bytes, Stream&) override {
    // Slices of one tensor may overlap.
    if (bytes > 0) std::memmove(to, from, bytes);
  }

  MemoryUse use() const override { return {cache.bytes_in_use(), cache.peak_bytes()}; }
  void reset_peak() override { cache.reset_peak(); }

  BlockCache cache{[](std::size_t bytes) {
                     void* block = std::aligned_alloc(host_alignment, bytes);
                     check(block != nullptr, "out of memory: {} bytes asked for on the cpu", bytes);
                     return block;
                   },
                   [](void* block, std::size_t) { std::free(block); }, caching};
};

class NoEvent final : public DeviceEvent {
 public:
  void record(Stream&) override {}
  void delay(Stream&) override {}
  void wait() override {}
};

class CpuBackend final : public DeviceBackend {
 public:
  int count() override { return 1; }
  std::string describe(int) override { return fmt::format("CPU with {}", name_of(active_isa())); }
  DeviceMemory& memory(int) override { return memory_; }
  Stream& default_stream(int) override {
    thread_local Stream stream;
    return stream;
  }
  std::unique_ptr<Stream> make_stream(int) override { return std::make_unique<Stream>(); }
  std::unique_ptr<DeviceEvent> make_event(int) override { return std::make_unique<NoEvent>(); }
  void synchronize(Stream&) override {}

  void* allocate_pinned(int, std::size_t bytes) override {
    void* const memory = std::malloc(bytes);
    check(memory != nullptr, "out of memory: {} bytes asked for on the cpu", bytes);
    return memory;
  }
  void deallocate_pinned(int, void* pointer) noexcept override { std::free(pointer); }
  void copy_pinned(void* to, const void* from, std::size_t bytes, Stream&) override {
    std::memcpy(to, from, bytes);
  }

 private:
  HostMemory memory_;
};

}  // namespace

// Never destroyed: tensors in static storage may outlive it otherwise.
DeviceBackend& cpu_backend() {
  static CpuBackend& instance = *new CpuBackend;
  return instance;
}

}  // namespace lq
