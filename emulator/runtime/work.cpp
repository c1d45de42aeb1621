#include "emulator/runtime/work.h"

#include <cstring>

#include "core/error.h"
#include "emulator/runtime/device.h"
#include "emulator/runtime/graph.h"

namespace lq::emulator {
namespace {

bool is_device_side(Device& device, const void* pointer, bool claimed, const char* what) {
  const bool inside = device.memory().contains(address_of(pointer));
  check(inside || !claimed, "{}: {} is an address of the host, expected one of the device", what,
        pointer);
  return inside;
}

void copy_row(Device& device, void* to, const void* from, std::size_t bytes, CopyKind kind,
              const char* name) {
  if (bytes == 0) return;
  DeviceMemory& memory = device.memory();
  const bool to_claimed = kind == CopyKind::host_to_device || kind == CopyKind::device_to_device;
  const bool from_claimed = kind == CopyKind::device_to_host || kind == CopyKind::device_to_device;
  const bool to_device = is_device_side(device, to, to_claimed, name);
  const bool from_device = is_device_side(device, from, from_claimed, name);
  if (to_device) memory.check_range(address_of(to), bytes, name);
  if (from_device) memory.check_range(address_of(from), bytes, name);
  if (to_device && from_device) {
    memory.copy(address_of(to), address_of(from), bytes);
  } else if (to_device) {
    std::memcpy(memory.host_bytes(address_of(to)), from, bytes);
    memory.mark_written(address_of(to), bytes);
  } else if (from_device) {
    std::memcpy(to, memory.host_bytes(address_of(from)), bytes);
  } else {
    std::memmove(to, from, bytes);
  }
}

void fill_row(Device& device, const FillWork& fill, std::byte* to, const char* name) {
  const std::size_t bytes = fill.width * fill.element_bytes;
  if (bytes == 0) return;
  is_device_side(device, to, true, name);
  DeviceMemory& memory = device.memory();
  memory.check_range(address_of(to), bytes, name);
  std::byte* const target = memory.host_bytes(address_of(to));
  if (fill.element_bytes == 1) {
    std::memset(target, static_cast<int>(fill.value & 0xFF), bytes);
  } else {
    for (std::size_t i = 0; i < bytes; i += fill.element_bytes) {
      std::memcpy(target + i, &fill.value, fill.element_bytes);
    }
  }
  memory.mark_written(address_of(to), bytes);
}

struct Performer {
  Device& device;
  const char* name;

  ErrorCode operator()(const KernelWork& work) const { return device.run(work); }

  ErrorCode operator()(const CopyWork& copy) const {
    for (std::size_t slice = 0; slice < copy.depth; ++slice) {
      for (std::size_t row = 0; row < copy.height; ++row) {
        copy_row(device, copy.to.first + slice * copy.to.slice_pitch + row * copy.to.pitch,
                 copy.from.first + slice * copy.from.slice_pitch + row * copy.from.pitch,
                 copy.width, copy.kind, name);
      }
    }
    return success;
  }

  ErrorCode operator()(const FillWork& fill) const {
    for (std::size_t row = 0; row < fill.height; ++row) {
      fill_row(device, fill, fill.to + row * fill.pitch, name);
    }
    return success;
  }

  ErrorCode operator()(const HostWork& work) const {
    work.function(work.argument);
    return success;
  }

  ErrorCode operator()(const ChildWork& work) const {
    return perform_graph(device, name, *work.graph);
  }

  ErrorCode operator()(const NoWork&) const { return success; }
};

}  // namespace

CopyWork row_copy(void* to, const void* from, std::size_t bytes, CopyKind kind) {
  return {.to = {static_cast<std::byte*>(to), bytes, bytes},
          .from = {static_cast<const std::byte*>(from), bytes, bytes},
          .width = bytes,
          .kind = kind};
}

bool is_possible(const CopyWork& copy) {
  return copy.width <= copy.to.pitch && copy.width <= copy.from.pitch;
}

bool is_possible(const FillWork& fill) {
  return fill.height <= 1 || fill.width * fill.element_bytes <= fill.pitch;
}

ErrorCode perform(Device& device, const char* name, const Work& work) {
  return std::visit(Performer{device, name}, work);
}

}  // namespace lq::emulator
