// Launching kernels. For *_cuda.cu files.
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

struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;  // dynamic
};

/// Queues a kernel; throws Error naming the operation when the device refuses it. Does nothing for
/// an empty grid.
template <typename... Parameters, typename... Arguments>
void launch(std::string_view operation, void (*kernel)(Parameters...), const LaunchShape& shape,
            Stream& stream, Arguments&&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  const CudaDeviceScope device(stream.device().index);
  constexpr std::size_t bytes_without_asking = 48 << 10;
  if (shape.shared_bytes > bytes_without_asking) {
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shape.shared_bytes)),
               operation);
  }
  kernel<<<shape.grid, shape.block, shape.shared_bytes, native(stream)>>>(
      std::forward<Arguments>(arguments)...);
  check_cuda(cudaGetLastError(), operation);
}

}  // namespace lq::kernels::cuda
