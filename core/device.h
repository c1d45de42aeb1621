// Where a tensor lives, and what the rest of the project needs from such a place.
#pragma once

#include <cstddef>
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

/// The device seam: memory of one device. The CPU's is built in; a CUDA backend registers its
/// own at start-up, and nothing above core needs to know.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  /// Uninitialised memory, at least 64-byte aligned; throws Error when there is none left.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void deallocate(void* pointer, std::size_t bytes) noexcept = 0;
  virtual void zero(void* pointer, std::size_t bytes, Stream& stream) = 0;
  /// Copies between this device and itself or the host; ordered on `stream`, and complete on
  /// return when one side is host memory.
  virtual void copy(void* to, Device to_device, const void* from, Device from_device,
                    std::size_t bytes, Stream& stream) = 0;
};

/// Memory of `device`, behind a caching allocator. Throws Error, in one line that says why, for a
/// device that this build or this machine does not have.
DeviceMemory& device_memory(Device device);

/// Called once per device type at start-up; `factory(index)` makes the memory of one device.
using DeviceMemoryFactory = DeviceMemory& (*)(int index);
void register_device_memory(DeviceType type, DeviceMemoryFactory factory);

}  // namespace lq

template <>
struct fmt::formatter<lq::Device> : lq::ToStringFormatter<lq::Device> {};
