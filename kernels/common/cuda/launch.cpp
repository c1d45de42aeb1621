#include "kernels/common/cuda/launch.h"

#include <fmt/format.h>

#include "core/environment.h"

namespace lq::kernels::cuda {

namespace {

bool is_captured(cudaStream_t stream) {
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  check_cuda(cudaStreamIsCapturing(stream, &capture), "cudaStreamIsCapturing");
  return capture != cudaStreamCaptureStatusNone;
}

std::string text_of(const dim3& extents) {
  return fmt::format("{} x {} x {}", extents.x, extents.y, extents.z);
}

}  // namespace

bool wanted_synchronization() { return switched_by_environment("LQNET_CUDA_SYNC", false); }

void finish_launch(std::string_view operation, const LaunchShape& shape, cudaError_t status,
                   Stream& stream) {
  static const bool synchronizes = wanted_synchronization();
  if (synchronizes && status == cudaSuccess && !is_captured(native(stream))) {
    status = cudaStreamSynchronize(native(stream));
  }
  if (status == cudaSuccess) [[likely]] {
    return;
  }
  check_cuda(status,
             fmt::format("{}: grid {}, block {}, {} bytes of dynamic shared memory", operation,
                         text_of(shape.grid), text_of(shape.block), shape.shared_bytes));
}

}  // namespace lq::kernels::cuda
