// CUDA graphs: work that is queued once and launched many times.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

#include "core/stream.h"

namespace lq {

/// What a function has queued on a stream, ready to be launched as a whole. The memory that it
/// works on must stay where it is.
class CudaGraph {
 public:
  /// Runs `queue`, whose work on `stream` is recorded instead of done. It must not allocate device
  /// memory, nor wait for the device.
  CudaGraph(Stream& stream, const std::function<void()>& queue);
  ~CudaGraph();
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  void launch(Stream& stream) const;

 private:
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace lq
