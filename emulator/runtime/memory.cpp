// Allocation, copies and fills.

#include "core/error.h"
#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

using namespace lq::emulator;

namespace {

using enum DeviceMemory::Access;

constexpr std::size_t pitch_alignment = 512;

ErrorCode allocate(Device& device, void** pointer, std::size_t bytes, DeviceMemory::Access access) {
  if (pointer == nullptr) return invalid_value;
  *pointer = nullptr;
  if (bytes == 0) return success;
  const std::uint64_t address = device.memory().allocate(bytes, access);
  if (address == 0) return memory_allocation;
  *pointer = reinterpret_cast<void*>(address);
  return success;
}

void release(Device& device, void* pointer) {
  if (pointer != nullptr) device.memory().release(address_of(pointer));
}

/// How an entry point does its work: at once, waiting for it, or as a part of a stream.
struct Issuer {
  bool waits = true;
  Stream* stream = nullptr;

  ErrorCode operator()(Device& device, const char* name, Work work) const {
    if (!waits) return issue(device, name, stream, std::move(work));
    const ErrorCode code = forbid_synchronous_call();
    if (code != success) return code;
    return device.streams().add_waiting(nullptr, name, [&] { return perform(device, name, work); });
  }
};
constexpr Issuer at_once;
Issuer in(Stream* stream) { return {false, stream}; }

int copy(const char* name, void* to, const void* from, std::size_t bytes, CopyKind kind,
         Issuer issuer) {
  return api_call(
      name, [&](Device& device) { return issuer(device, name, row_copy(to, from, bytes, kind)); });
}

int copy_rows(const char* name, void* to, std::size_t to_pitch, const void* from,
              std::size_t from_pitch, std::size_t width, std::size_t height, CopyKind kind,
              Issuer issuer) {
  return api_call(name, [&](Device& device) {
    const CopyWork work{.to = {static_cast<std::byte*>(to), to_pitch},
                        .from = {static_cast<const std::byte*>(from), from_pitch},
                        .width = width,
                        .height = height,
                        .kind = kind};
    return is_possible(work) ? issuer(device, name, work) : invalid_pitch_value;
  });
}

int fill(const char* name, void* to, std::size_t pitch, int value, std::size_t width,
         std::size_t height, Issuer issuer) {
  return api_call(name, [&](Device& device) {
    const FillWork work{.to = static_cast<std::byte*>(to),
                        .pitch = pitch,
                        .value = static_cast<unsigned>(value),
                        .width = width,
                        .height = height};
    return is_possible(work) ? issuer(device, name, work) : invalid_value;
  });
}

/// The address `offset` bytes into a device variable that has room for `bytes` there.
void* symbol_address(Device& device, const void* symbol, std::size_t offset, std::size_t bytes,
                     const char* name) {
  const auto found = device.symbol(symbol);
  lq::check(found.has_value(), "{}: {} is no registered device variable", name, symbol);
  lq::check(offset <= found->bytes && bytes <= found->bytes - offset,
            "{}: {} bytes at offset {} of a variable of {} bytes", name, bytes, offset,
            found->bytes);
  return reinterpret_cast<void*>(found->address + offset);
}

int copy_to_symbol(const char* name, const void* symbol, const void* from, std::size_t bytes,
                   std::size_t offset, CopyKind kind, Issuer issuer) {
  return api_call(name, [&](Device& device) {
    void* const to = symbol_address(device, symbol, offset, bytes, name);
    return issuer(device, name, row_copy(to, from, bytes, kind));
  });
}

int copy_from_symbol(const char* name, void* to, const void* symbol, std::size_t bytes,
                     std::size_t offset, CopyKind kind, Issuer issuer) {
  return api_call(name, [&](Device& device) {
    const void* const from = symbol_address(device, symbol, offset, bytes, name);
    return issuer(device, name, row_copy(to, from, bytes, kind));
  });
}

int allocate_memory(const char* name, void** pointer, std::size_t bytes,
                    DeviceMemory::Access access) {
  return api_call(name, [&](Device& device) {
    const ErrorCode code = forbid_unseen_call();
    return code == success ? allocate(device, pointer, bytes, access) : code;
  });
}

int release_memory(const char* name, void* pointer) {
  return api_call(name, [&](Device& device) {
    ErrorCode code = forbid_unseen_call();
    if (code == success) code = device.streams().wait_for_all();
    if (code == success) release(device, pointer);
    return code;
  });
}

}  // namespace

LQNET_CUDA_API int cudaMalloc(void** pointer, std::size_t bytes) {
  return allocate_memory("cudaMalloc", pointer, bytes, device_only);
}
LQNET_CUDA_API int cudaMallocAsync(void** pointer, std::size_t bytes, Stream* stream) {
  return api_call("cudaMallocAsync", [&](Device& device) {
    refuse_capture("cudaMallocAsync", stream);
    return allocate(device, pointer, bytes, device_only);
  });
}
LQNET_CUDA_API int cudaMallocPitch(void** pointer, std::size_t* pitch, std::size_t width,
                                   std::size_t height) {
  *pitch = (width + pitch_alignment - 1) / pitch_alignment * pitch_alignment;
  return allocate_memory("cudaMallocPitch", pointer, *pitch * height, device_only);
}
LQNET_CUDA_API int cudaMallocHost(void** pointer, std::size_t bytes) {
  return allocate_memory("cudaMallocHost", pointer, bytes, host_too);
}
LQNET_CUDA_API int cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return allocate_memory("cudaHostAlloc", pointer, bytes, host_too);
}
LQNET_CUDA_API int cudaMallocManaged(void** pointer, std::size_t bytes, unsigned) {
  return allocate_memory("cudaMallocManaged", pointer, bytes, host_too);
}
LQNET_CUDA_API int cudaFree(void* pointer) { return release_memory("cudaFree", pointer); }
LQNET_CUDA_API int cudaFreeAsync(void* pointer, Stream* stream) {
  return api_call("cudaFreeAsync", [&](Device& device) {
    refuse_capture("cudaFreeAsync", stream);
    return device.streams().add(object_of(stream), "cudaFreeAsync", [&device, pointer] {
      release(device, pointer);
      return success;
    });
  });
}
LQNET_CUDA_API int cudaFreeHost(void* pointer) { return release_memory("cudaFreeHost", pointer); }

LQNET_CUDA_API int cudaHostGetDevicePointer(void** device_pointer, void* host_pointer, unsigned) {
  return api_call("cudaHostGetDevicePointer", [&](Device& device) {
    if (!device.memory().contains(address_of(host_pointer))) return invalid_value;
    *device_pointer = host_pointer;
    return success;
  });
}

LQNET_CUDA_API int cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return api_call("cudaMemGetInfo", [&](Device& device) {
    *total_bytes = device.memory().capacity();
    *free_bytes = *total_bytes - device.memory().used();
    return success;
  });
}

LQNET_CUDA_API int cudaPointerGetAttributes(PointerAttributes* attributes, const void* pointer) {
  return api_call("cudaPointerGetAttributes", [&](Device& device) {
    *attributes = {};
    void* const address = const_cast<void*>(pointer);
    const bool inside = device.memory().contains(address_of(pointer));
    const auto found = inside ? device.memory().find(address_of(pointer)) : std::nullopt;
    const bool host_too = found && found->host_too;
    attributes->type = !inside ? 0 : host_too ? 1 : 2;
    attributes->device_pointer = inside ? address : nullptr;
    attributes->host_pointer = !inside || host_too ? address : nullptr;
    return success;
  });
}

LQNET_CUDA_API int cudaMemcpy(void* to, const void* from, std::size_t bytes, CopyKind kind) {
  return copy("cudaMemcpy", to, from, bytes, kind, at_once);
}
LQNET_CUDA_API int cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, CopyKind kind,
                                   Stream* stream) {
  return copy("cudaMemcpyAsync", to, from, bytes, kind, in(stream));
}
LQNET_CUDA_API int cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from,
                                std::size_t from_pitch, std::size_t width, std::size_t height,
                                CopyKind kind) {
  return copy_rows("cudaMemcpy2D", to, to_pitch, from, from_pitch, width, height, kind, at_once);
}
LQNET_CUDA_API int cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                                     std::size_t from_pitch, std::size_t width, std::size_t height,
                                     CopyKind kind, Stream* stream) {
  return copy_rows("cudaMemcpy2DAsync", to, to_pitch, from, from_pitch, width, height, kind,
                   in(stream));
}

LQNET_CUDA_API int cudaMemset(void* to, int value, std::size_t bytes) {
  return fill("cudaMemset", to, bytes, value, bytes, 1, at_once);
}
LQNET_CUDA_API int cudaMemsetAsync(void* to, int value, std::size_t bytes, Stream* stream) {
  return fill("cudaMemsetAsync", to, bytes, value, bytes, 1, in(stream));
}
LQNET_CUDA_API int cudaMemset2D(void* to, std::size_t pitch, int value, std::size_t width,
                                std::size_t height) {
  return fill("cudaMemset2D", to, pitch, value, width, height, at_once);
}
LQNET_CUDA_API int cudaMemset2DAsync(void* to, std::size_t pitch, int value, std::size_t width,
                                     std::size_t height, Stream* stream) {
  return fill("cudaMemset2DAsync", to, pitch, value, width, height, in(stream));
}

LQNET_CUDA_API int cudaMemcpyToSymbol(const void* symbol, const void* from, std::size_t bytes,
                                      std::size_t offset, CopyKind kind) {
  return copy_to_symbol("cudaMemcpyToSymbol", symbol, from, bytes, offset, kind, at_once);
}
LQNET_CUDA_API int cudaMemcpyToSymbolAsync(const void* symbol, const void* from, std::size_t bytes,
                                           std::size_t offset, CopyKind kind, Stream* stream) {
  return copy_to_symbol("cudaMemcpyToSymbolAsync", symbol, from, bytes, offset, kind, in(stream));
}
LQNET_CUDA_API int cudaMemcpyFromSymbol(void* to, const void* symbol, std::size_t bytes,
                                        std::size_t offset, CopyKind kind) {
  return copy_from_symbol("cudaMemcpyFromSymbol", to, symbol, bytes, offset, kind, at_once);
}
LQNET_CUDA_API int cudaMemcpyFromSymbolAsync(void* to, const void* symbol, std::size_t bytes,
                                             std::size_t offset, CopyKind kind, Stream* stream) {
  return copy_from_symbol("cudaMemcpyFromSymbolAsync", to, symbol, bytes, offset, kind, in(stream));
}
LQNET_CUDA_API int cudaGetSymbolAddress(void** pointer, const void* symbol) {
  return api_call("cudaGetSymbolAddress", [&](Device& device) {
    *pointer = symbol_address(device, symbol, 0, 0, "cudaGetSymbolAddress");
    return success;
  });
}
LQNET_CUDA_API int cudaGetSymbolSize(std::size_t* bytes, const void* symbol) {
  return api_call("cudaGetSymbolSize", [&](Device& device) {
    const auto found = device.symbol(symbol);
    if (!found) return invalid_symbol;
    *bytes = found->bytes;
    return success;
  });
}

// Where pages of managed memory lie makes no difference.
LQNET_CUDA_API int cudaMemPrefetchAsync(const void*, std::size_t, MemoryLocation, unsigned,
                                        Stream*) {
  return success;
}
LQNET_CUDA_API int cudaMemAdvise(const void*, std::size_t, int, MemoryLocation) { return success; }
