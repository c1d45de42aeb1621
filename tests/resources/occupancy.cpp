#include "tests/resources/occupancy.h"

#include <cuda_occupancy.h>

#include <algorithm>

#include "core/error.h"
#include "emulator/runtime/settings.h"

namespace lq::testing {

namespace {

cudaOccDeviceProp properties_of(int capability) {
  const emulator::DeviceLimits& limits = emulator::limits_of(capability);
  constexpr int registers = 65536;  // of a multiprocessor, on every architecture since 5.0
  cudaOccDeviceProp properties;
  properties.computeMajor = capability / 10;
  properties.computeMinor = capability % 10;
  properties.maxThreadsPerBlock = emulator::max_threads_per_block;
  properties.maxThreadsPerMultiprocessor = limits.threads_per_multiprocessor;
  properties.regsPerBlock = registers;
  properties.regsPerMultiprocessor = registers;
  properties.warpSize = 32;
  properties.sharedMemPerBlock = emulator::shared_per_block;
  properties.sharedMemPerMultiprocessor =
      static_cast<std::size_t>(limits.shared_per_multiprocessor);
  properties.sharedMemPerBlockOptin = static_cast<std::size_t>(limits.shared_per_block_optin);
  properties.numSms = 1;
  // The driver keeps some of it for itself from 8.0 on.
  properties.reservedSharedMemPerBlock =
      capability < 80 ? 0 : static_cast<std::size_t>(emulator::reserved_shared_per_block);
  return properties;
}

}  // namespace

int occupancy_percent(const KernelResources& kernel, int threads,
                      std::int64_t dynamic_shared_bytes) {
  const int capability = std::stoi(kernel.architecture);
  const cudaOccDeviceProp properties = properties_of(capability);
  cudaOccFuncAttributes attributes;
  attributes.maxThreadsPerBlock = threads;
  attributes.numRegs = kernel.registers;
  attributes.sharedSizeBytes = static_cast<std::size_t>(kernel.shared_bytes);
  attributes.numBlockBarriers = std::max(kernel.barriers, 1);
  attributes.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  attributes.maxDynamicSharedSizeBytes = static_cast<std::size_t>(dynamic_shared_bytes);
  const cudaOccDeviceState state;
  cudaOccResult result{};
  const cudaOccError error =
      cudaOccMaxActiveBlocksPerMultiprocessor(&result, &properties, &attributes, &state, threads,
                                              static_cast<std::size_t>(dynamic_shared_bytes));
  check(error == CUDA_OCC_SUCCESS, "occupancy of {} on sm_{}: cuda_occupancy.h gives error {}",
        kernel.kernel, kernel.architecture, static_cast<int>(error));
  check(result.activeBlocksPerMultiprocessor > 0,
        "occupancy of {} on sm_{}: no block of {} threads and {} bytes of shared memory fits",
        kernel.kernel, kernel.architecture, threads, kernel.shared_bytes + dynamic_shared_bytes);
  const int warps_of_block = (threads + 31) / 32;
  const int warps = properties.maxThreadsPerMultiprocessor / 32;
  return 100 * result.activeBlocksPerMultiprocessor * warps_of_block / warps;
}

}  // namespace lq::testing
