// What nvcc's code calls by itself: registration before main(), and launches.

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "core/error.h"
#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

namespace lq::emulator {
namespace {

/// What a fat binary's section in the program looks like. That of linked code (nvcc -rdc=true) has
/// machine code only; its PTX is in those that were linked.
struct FatbinWrapper {
  static constexpr int expected_magic = 0x466243B1;
  static constexpr int version_of_linked = 2;
  int magic;
  int version;
  const void* data;
  const void* const* linked;  // up to a null pointer
};

std::vector<const void*> fatbins_of(const FatbinWrapper& section) {
  if (section.version != FatbinWrapper::version_of_linked) return {section.data};
  std::vector<const void*> fatbins;
  for (const void* const* part = section.linked; *part != nullptr; ++part) fatbins.push_back(*part);
  return fatbins;
}

struct CallConfiguration {
  Dim3 grid;
  Dim3 block;
  std::size_t shared_bytes = 0;
  Stream* stream = nullptr;
};
thread_local std::vector<CallConfiguration> call_configurations;

Module* module_of(void** handle) { return reinterpret_cast<Module*>(handle); }

/// Attributes of a launch that mean nothing where each runs to its end before the next starts, or
/// are hints: none, access policy, synchronization policy, how clusters are spread, programmatic
/// stream serialization, priority, memory domains, the share of shared memory.
bool is_without_effect(int attribute) {
  constexpr int known[] = {0, 1, 3, 5, 6, 8, 9, 10, 14};
  return std::find(std::begin(known), std::end(known), attribute) != std::end(known);
}

}  // namespace
}  // namespace lq::emulator

using namespace lq::emulator;

LQNET_CUDA_API void** __cudaRegisterFatBinary(void* wrapper) {
  const auto* const section = static_cast<const FatbinWrapper*>(wrapper);
  if (section->magic != FatbinWrapper::expected_magic) {
    stop(fmt::format("a fat binary's section starts with {:#x}, expected {:#x}", section->magic,
                     FatbinWrapper::expected_magic));
  }
  return reinterpret_cast<void**>(Device::instance().register_module(fatbins_of(*section)));
}

LQNET_CUDA_API void __cudaRegisterFatBinaryEnd(void**) {}

LQNET_CUDA_API void __cudaUnregisterFatBinary(void**) {
  static bool printed = false;
  if (!printed) Device::instance().write_profile();
  printed = true;
}

/// Called before the host's first access to a managed variable.
LQNET_CUDA_API char __cudaInitModule(void** handle) {
  api_call("__cudaInitModule", [&](Device& device) {
    device.place_managed_variables(*module_of(handle));
    return success;
  });
  return 1;
}

LQNET_CUDA_API void __cudaRegisterFunction(void** handle, const char* host_function, char*,
                                           const char* name, int, void*, void*, void*, void*,
                                           int*) {
  Device::instance().register_kernel(module_of(handle), host_function, name);
}

LQNET_CUDA_API void __cudaRegisterVar(void** handle, char* host_variable, char*, const char* name,
                                      int, std::size_t, int, int) {
  Device::instance().register_variable(module_of(handle), host_variable, name);
}

LQNET_CUDA_API void __cudaRegisterManagedVar(void** handle, void** host_pointer, char*,
                                             const char* name, int, std::size_t, int, int) {
  Device::instance().register_managed_variable(module_of(handle), host_pointer, name);
}

LQNET_CUDA_API unsigned __cudaPushCallConfiguration(Dim3 grid, Dim3 block, std::size_t shared_bytes,
                                                    Stream* stream) {
  call_configurations.push_back({grid, block, shared_bytes, stream});
  return 0;
}

LQNET_CUDA_API int __cudaPopCallConfiguration(Dim3* grid, Dim3* block, std::size_t* shared_bytes,
                                              void* stream) {
  if (call_configurations.empty()) return invalid_configuration;
  const CallConfiguration& last = call_configurations.back();
  *grid = last.grid;
  *block = last.block;
  *shared_bytes = last.shared_bytes;
  *static_cast<Stream**>(stream) = last.stream;
  call_configurations.pop_back();
  return success;
}

namespace {

int launch(const char* name, const void* function, const Dim3& grid, const Dim3& block,
           void** arguments, std::size_t shared_bytes, Stream* stream, bool is_cooperative = false,
           std::optional<Dim3> cluster = {}) {
  return api_call(name, [&](Device& device) {
    KernelWork work{.kernel = device.find_kernel(function),
                    .grid = grid,
                    .block = block,
                    .cluster = cluster,
                    .dynamic_shared_bytes = shared_bytes,
                    .is_cooperative = is_cooperative};
    if (work.kernel == nullptr) return invalid_device_function;
    if (const ErrorCode code = device.accept(work); code != success) return code;
    device.take_arguments(work, arguments);
    return issue(device, name, stream, std::move(work));
  });
}

}  // namespace

LQNET_CUDA_API int __cudaGetKernel(KernelRecord** kernel, const void* host_function) {
  return api_call("__cudaGetKernel", [&](Device& device) {
    *kernel = device.find_kernel(host_function);
    return *kernel == nullptr ? invalid_device_function : success;
  });
}

LQNET_CUDA_API int __cudaLaunchKernel(KernelRecord* kernel, Dim3 grid, Dim3 block, void** arguments,
                                      std::size_t shared_bytes, Stream* stream) {
  return launch("kernel launch", kernel, grid, block, arguments, shared_bytes, stream);
}

LQNET_CUDA_API int cudaLaunchKernel(const void* function, Dim3 grid, Dim3 block, void** arguments,
                                    std::size_t shared_bytes, Stream* stream) {
  return launch("cudaLaunchKernel", function, grid, block, arguments, shared_bytes, stream);
}

LQNET_CUDA_API int cudaLaunchCooperativeKernel(const void* function, Dim3 grid, Dim3 block,
                                               void** arguments, std::size_t shared_bytes,
                                               Stream* stream) {
  return launch("cudaLaunchCooperativeKernel", function, grid, block, arguments, shared_bytes,
                stream, true);
}

LQNET_CUDA_API int cudaLaunchKernelExC(const LaunchConfiguration* configuration,
                                       const void* function, void** arguments) {
  constexpr int cooperative = 2;
  constexpr int cluster_dimension = 4;
  int is_cooperative = 0;
  std::optional<Dim3> cluster;
  for (unsigned i = 0; i < configuration->attribute_count; ++i) {
    const LaunchAttribute& attribute = configuration->attributes[i];
    if (is_without_effect(attribute.id)) continue;
    if (attribute.id == cooperative) {
      std::memcpy(&is_cooperative, attribute.value, sizeof(is_cooperative));
    } else if (attribute.id == cluster_dimension) {
      std::memcpy(&cluster.emplace(), attribute.value, sizeof(Dim3));
    } else {
      return api_call("cudaLaunchKernelExC", [&](Device&) -> ErrorCode {
        lq::fail("launch attribute {} is not supported", attribute.id);
      });
    }
  }
  return launch("cudaLaunchKernelExC", function, configuration->grid, configuration->block,
                arguments, configuration->dynamic_shared_bytes, configuration->stream,
                is_cooperative != 0, cluster);
}
