// Launching kernels. Only *_cuda.cu files can.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "core/cuda/check.h"
#include "core/cuda/stream.h"
#include "core/integers.h"

namespace lq::kernels::cuda {

inline constexpr int warp_threads = 32;
inline constexpr unsigned whole_warp = 0xFFFFFFFFU;  // all lanes take part

struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;  // dynamic
};

/// LQNET_CUDA_SYNC in the environment: whether each launch waits for its kernel, so that an error
/// is that of the kernel which failed. Throws Error for values other than 0 and 1.
bool wanted_synchronization();

/// What follows a launch: throws Error for a status that is none of success, with the operation and
/// the shape. Waits for the kernel if the environment wants that and the stream is not captured.
void finish_launch(std::string_view operation, const LaunchShape& shape, cudaError_t status,
                   Stream& stream);

/// Queues a kernel; throws Error naming the operation and the shape when the device refuses it.
/// Does nothing for an empty grid.
template <typename... Parameters, typename... Arguments>
void launch(std::string_view operation, void (*kernel)(Parameters...), const LaunchShape& shape,
            Stream& stream, Arguments&&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  const CudaDeviceScope device(stream.device().index);
  constexpr std::size_t bytes_without_asking = 48 << 10;
  cudaError_t status = cudaSuccess;
  if (shape.shared_bytes > bytes_without_asking) {
    status = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                  cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(shape.shared_bytes));
  }
  if (status == cudaSuccess) {
    cudaLaunchConfig_t configuration{};
    configuration.gridDim = shape.grid;
    configuration.blockDim = shape.block;
    configuration.dynamicSmemBytes = shape.shared_bytes;
    configuration.stream = native(stream);
    // Its own status: cudaGetLastError() may tell of what somebody else has left behind.
    status = cudaLaunchKernelEx(&configuration, kernel, std::forward<Arguments>(arguments)...);
  }
  finish_launch(operation, shape, status, stream);
}

}  // namespace lq::kernels::cuda
