// What a program can ask about the device and its kernels.

#include <algorithm>
#include <map>

#include "core/error.h"
#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

using namespace lq::emulator;

namespace {

constexpr int runtime_version = 13000;

int occupancy(const char* name, int* blocks, const void* host_function, int threads,
              std::size_t dynamic_bytes) {
  return api_call(name, [&](Device& device) {
    KernelRecord* const kernel = device.find_kernel(host_function);
    if (kernel == nullptr) return invalid_device_function;
    if (threads < 1 || blocks == nullptr) return invalid_value;
    const Function& function = device.function(*kernel);
    *blocks = threads > max_threads_per_block
                  ? 0
                  : device.blocks_per_multiprocessor(function, threads, dynamic_bytes);
    return success;
  });
}

void put(const Dim3& size, int (&to)[3]) {
  const std::uint32_t values[] = {size.x, size.y, size.z};
  std::copy_n(values, 3, to);
}

/// By number of cudaDeviceAttr. What is not here is zero: features that the device lacks.
std::map<int, int> attributes(const Device& device) {
  const DeviceLimits& limits = device.limits();
  return {{1, max_threads_per_block},
          {2, most_block.x},
          {3, most_block.y},
          {4, most_block.z},
          {5, most_grid.x},
          {6, most_grid.y},
          {7, most_grid.z},
          {8, shared_per_block},
          {9, 65536},
          {10, warp_size},
          {11, 0x7FFFFFFF},
          {12, 65536},
          {13, 1000000},
          {14, 512},
          {16, device.settings().multiprocessors},
          {19, 1},
          {30, 512},
          {31, 1},
          {36, 1000000},
          {37, 256},
          {38, 4 << 20},
          {39, limits.threads_per_multiprocessor},
          {40, 1},
          {41, 1},
          {51, 32},
          {75, limits.capability / 10},
          {76, limits.capability % 10},
          {78, 1},
          {79, 1},
          {80, 1},
          {81, limits.shared_per_multiprocessor},
          {82, 65536},
          {83, 1},
          {87, 2},
          {95, 1},
          {97, limits.shared_per_block_optin},
          {106, limits.blocks_per_multiprocessor},
          {111, reserved_shared_per_block},
          {120, has_clusters(device.settings()) ? 1 : 0}};
}

bool is_device(int device) { return device == 0; }

}  // namespace

LQNET_CUDA_API int cudaGetDeviceCount(int* count) {
  return api_call("cudaGetDeviceCount", [&](Device&) {
    *count = 1;
    return success;
  });
}
LQNET_CUDA_API int cudaGetDevice(int* device) {
  return api_call("cudaGetDevice", [&](Device&) {
    *device = 0;
    return success;
  });
}
LQNET_CUDA_API int cudaSetDevice(int device) {
  return api_call("cudaSetDevice",
                  [&](Device&) { return is_device(device) ? success : invalid_device; });
}
LQNET_CUDA_API int cudaSetDeviceFlags(unsigned) { return success; }
LQNET_CUDA_API int cudaDeviceSynchronize() {
  return api_call("cudaDeviceSynchronize", [](Device& device) {
    const ErrorCode code = forbid_waiting_for_device();
    return code == success ? device.streams().wait_for_all() : code;
  });
}
LQNET_CUDA_API int cudaDeviceReset() {
  return api_call("cudaDeviceReset", [](Device&) { return success; });
}
LQNET_CUDA_API int cudaRuntimeGetVersion(int* version) {
  *version = runtime_version;
  return success;
}
LQNET_CUDA_API int cudaDriverGetVersion(int* version) {
  *version = runtime_version;
  return success;
}
LQNET_CUDA_API int cudaProfilerStart() { return success; }
LQNET_CUDA_API int cudaProfilerStop() { return success; }

LQNET_CUDA_API int cudaDeviceGetAttribute(int* value, int attribute, int device_index) {
  return api_call("cudaDeviceGetAttribute", [&](Device& device) {
    if (!is_device(device_index)) return invalid_device;
    if (value == nullptr || attribute < 1 || attribute > 148) return invalid_value;
    const std::map<int, int> known = attributes(device);
    const auto found = known.find(attribute);
    *value = found == known.end() ? 0 : found->second;
    return success;
  });
}

LQNET_CUDA_API int cudaGetDeviceProperties(DeviceProperties* properties, int device_index) {
  return api_call("cudaGetDeviceProperties", [&](Device& device) {
    if (!is_device(device_index)) return invalid_device;
    const DeviceLimits& limits = device.limits();
    DeviceProperties result{};
    fmt::format_to_n(result.name, sizeof(result.name) - 1, "Emulated device of sm_{}",
                     limits.capability);
    result.total_global_bytes = device.memory().capacity();
    result.shared_bytes_per_block = shared_per_block;
    result.registers_per_block = 65536;
    result.warp_size = warp_size;
    result.most_pitch = 0x7FFFFFFF;
    result.max_threads_per_block = max_threads_per_block;
    put(most_block, result.max_block);
    put(most_grid, result.max_grid);
    result.constant_bytes = 65536;
    result.major = limits.capability / 10;
    result.minor = limits.capability % 10;
    result.texture_alignment = 512;
    result.texture_pitch_alignment = 32;
    result.multiprocessors = device.settings().multiprocessors;
    result.can_map_host_memory = 1;
    result.surface_alignment = 512;
    result.concurrent_kernels = 1;
    result.async_engines = 1;
    result.unified_addressing = 1;
    result.memory_bus_width = 256;
    result.l2_bytes = 4 << 20;
    result.max_threads_per_multiprocessor = limits.threads_per_multiprocessor;
    result.stream_priorities = 1;
    result.global_l1_cache = 1;
    result.local_l1_cache = 1;
    result.shared_bytes_per_multiprocessor =
        static_cast<std::size_t>(limits.shared_per_multiprocessor);
    result.registers_per_multiprocessor = 65536;
    result.managed_memory = 1;
    result.cooperative_launch = 1;
    result.shared_bytes_per_block_optin = static_cast<std::size_t>(limits.shared_per_block_optin);
    result.max_blocks_per_multiprocessor = limits.blocks_per_multiprocessor;
    result.reserved_shared_bytes_per_block = reserved_shared_per_block;
    result.cluster_launch = has_clusters(device.settings()) ? 1 : 0;
    *properties = result;
    return success;
  });
}

LQNET_CUDA_API int cudaFuncGetAttributes(FunctionAttributes* result, const void* host_function) {
  return api_call("cudaFuncGetAttributes", [&](Device& device) {
    KernelRecord* const kernel = device.find_kernel(host_function);
    if (kernel == nullptr) return invalid_device_function;
    const Function& function = device.function(*kernel);
    *result = {};
    result->shared_bytes = function.static_shared_bytes;
    result->local_bytes = function.local_bytes;
    result->max_threads_per_block = max_threads_per_block;
    // Not modelled; a value that calculations can live with.
    result->registers = 32;
    result->ptx_version = device.ptx_capability(*kernel);
    result->binary_version = device.settings().capability;
    result->max_dynamic_shared_bytes = device.most_dynamic_shared_bytes(*kernel);
    if (const auto cluster = own_cluster(function)) put(*cluster, result->required_cluster);
    result->non_portable_cluster_size_allowed = kernel->allows_large_clusters ? 1 : 0;
    return success;
  });
}

LQNET_CUDA_API int cudaFuncSetAttribute(const void* host_function, int attribute, int value) {
  return api_call("cudaFuncSetAttribute", [&](Device& device) {
    constexpr int max_dynamic_shared = 8;
    constexpr int required_cluster[] = {11, 12, 13};
    constexpr int non_portable_cluster_size_allowed = 14;
    KernelRecord* const kernel = device.find_kernel(host_function);
    if (kernel == nullptr) return invalid_device_function;
    if (std::ranges::find(required_cluster, attribute) != std::end(required_cluster)) {
      lq::fail("attribute {} of a function (a required cluster) is not supported", attribute);
    }
    if (attribute == non_portable_cluster_size_allowed) kernel->allows_large_clusters = value != 0;
    if (attribute != max_dynamic_shared) return success;
    const auto used = static_cast<int>(device.function(*kernel).static_shared_bytes);
    if (value < 0 || value + used > device.limits().shared_per_block_optin) return invalid_value;
    kernel->max_dynamic_shared_bytes = value;
    return success;
  });
}
LQNET_CUDA_API int cudaFuncSetCacheConfig(const void*, int) { return success; }
LQNET_CUDA_API int cudaDeviceSetCacheConfig(int) { return success; }

LQNET_CUDA_API int cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                                 int threads,
                                                                 std::size_t dynamic_bytes) {
  return occupancy("cudaOccupancyMaxActiveBlocksPerMultiprocessor", blocks, function, threads,
                   dynamic_bytes);
}
LQNET_CUDA_API int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
    int* blocks, const void* function, int threads, std::size_t dynamic_bytes, unsigned) {
  return occupancy("cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags", blocks, function,
                   threads, dynamic_bytes);
}

LQNET_CUDA_API int cudaOccupancyMaxPotentialClusterSize(int* blocks, const void* function,
                                                        const LaunchConfiguration*) {
  return api_call("cudaOccupancyMaxPotentialClusterSize", [&](Device& device) {
    const KernelRecord* const kernel = device.find_kernel(function);
    if (kernel == nullptr) return invalid_device_function;
    if (!has_clusters(device.settings())) return not_supported;
    *blocks = most_cluster_blocks(*kernel);
    return success;
  });
}
