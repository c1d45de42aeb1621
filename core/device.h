// Where a tensor lives, and what the rest of the project needs from such a place.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/format.h"

namespace lq {

enum class DeviceType : unsigned char { cpu, cuda };

struct Device {
  DeviceType type = DeviceType::cpu;
  int index = 0;

  /// Accepts "cpu", "cuda" and "cuda:<index>"; throws Error otherwise.
  static Device parse(std::string_view text);
  std::string to_string() const;

  friend bool operator==(const Device&, const Device&) = default;
};

class Stream;

/// What a device's memory is asked for.
struct MemoryUse {
  std::size_t bytes = 0;       ///< handed out now, rounded up as allocators do
  std::size_t peak_bytes = 0;  ///< the largest value that this had since reset_peak()
};

/// Memory of one device.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  /// Uninitialised memory, at least 64-byte aligned; throws Error when there is none left. It
  /// belongs to this thread's current stream of the device: work that other streams have queued on
  /// it must be complete, or the current stream wait for it, when it is deallocated.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void deallocate(void* pointer, std::size_t bytes) noexcept = 0;
  virtual void zero(void* pointer, std::size_t bytes, Stream& stream) = 0;
  /// Copies between this device and itself or the host; ordered on `stream`, and complete on
  /// return when one side is host memory.
  virtual void copy(void* to, Device to_device, const void* from, Device from_device,
                    std::size_t bytes, Stream& stream) = 0;

  virtual MemoryUse use() const = 0;
  virtual void reset_peak() = 0;
};

/// A point in the work of a stream.
class DeviceEvent {
 public:
  virtual ~DeviceEvent() = default;
  /// Moves the event behind all that `stream` has been given so far.
  virtual void record(Stream& stream) = 0;
  /// Work that `stream` is given from now on waits for the event.
  virtual void delay(Stream& stream) = 0;
  /// The caller waits.
  virtual void wait() = 0;
};

/// The device seam: everything that the project needs of one kind of device, kernels apart. Calls
/// with an index throw Error, in one line that says why, for a device that is not there.
class DeviceBackend {
 public:
  virtual ~DeviceBackend() = default;
  /// Devices that can be used now: 0 without a driver.
  virtual int count() = 0;
  /// "NVIDIA A100-SXM4-40GB, compute capability 8.0, 39.4 GiB".
  virtual std::string describe(int index) = 0;
  /// Behind a caching allocator.
  virtual DeviceMemory& memory(int index) = 0;
  /// This thread's stream where no StreamScope names another.
  virtual Stream& default_stream(int index) = 0;
  virtual std::unique_ptr<Stream> make_stream(int index) = 0;
  virtual std::unique_ptr<DeviceEvent> make_event(int index) = 0;
  /// The caller waits for all work of the stream, and hears of what went wrong in it.
  virtual void synchronize(Stream& stream) = 0;

  /// Host memory that copy_pinned() can copy from, to this device, while the host goes on.
  virtual void* allocate_pinned(int index, std::size_t bytes) = 0;
  virtual void deallocate_pinned(int index, void* pointer) noexcept = 0;
  /// Copies to the stream's device, ordered on the stream; the host memory must stay as it is until
  /// the stream has come past the copy.
  virtual void copy_pinned(void* to, const void* from, std::size_t bytes, Stream& stream) = 0;
};

/// Throws Error where this build has no such backend.
DeviceBackend& device_backend(DeviceType type);

/// device_backend(device.type).memory(device.index).
DeviceMemory& device_memory(Device device);

}  // namespace lq

template <>
struct fmt::formatter<lq::Device> : lq::ToStringFormatter<lq::Device> {};
