#include "emulator/runtime/work.h"

#include <cstring>

#include "core/error.h"
#include "emulator/runtime/device.h"
#include "emulator/runtime/graph.h"

namespace lq::emulator {
namespace {

using Use = LibraryOperand::Use;

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

/// What a library reads of a row has been written.
void check_written(Device& device, std::uint64_t address, std::size_t bytes,
                   const std::string& what) {
  const DeviceMemory& memory = device.memory();
  if (device.settings().reads_unwritten || memory.is_row_written(address, bytes)) return;
  std::uint64_t at = address;
  while (memory.is_written(at, 4)) at += 4;
  fail("{}: read of {:#x}, byte {} of {}, which nothing has written yet", what, at, at - address,
       bytes);
}

/// The host's address of an operand that may be accessed.
std::byte* accessible(Device& device, const LibraryOperand& operand, const std::string& what) {
  const std::uint64_t first = address_of(operand.first);
  check((first | operand.width | operand.pitch) % 4 == 0,
        "{}: {:#x} in rows of {} bytes every {} bytes, expected multiples of 4", what, first,
        operand.width, operand.pitch);
  for (std::size_t row = 0; row < operand.height; ++row) {
    const std::uint64_t address = first + row * operand.pitch;
    device.memory().check_range(address, operand.width, what.c_str());
    if (operand.use == Use::read || operand.use == Use::read_and_written) {
      check_written(device, address, operand.width, what);
    }
  }
  return device.memory().host_bytes(first);
}

void take_results(Device& device, const LibraryOperand& operand) {
  if (operand.use == Use::read) return;
  DeviceMemory& memory = device.memory();
  for (std::size_t row = 0; row < operand.height; ++row) {
    const std::uint64_t address = address_of(operand.first) + row * operand.pitch;
    if (operand.use == Use::lent) {
      std::memset(memory.host_bytes(address), 0xFF, operand.width);
    } else {
      memory.mark_written(address, operand.width);
    }
  }
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

  ErrorCode operator()(const LibraryWork& work) const {
    std::vector<std::byte*> operands;
    for (const LibraryOperand& operand : work.operands) {
      operands.push_back(accessible(device, operand, work.call + ": " + operand.name));
    }
    work.run(operands);
    for (const LibraryOperand& operand : work.operands) take_results(device, operand);
    return success;
  }
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
