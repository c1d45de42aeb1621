// Moments in the work of a CUDA stream, for measuring.
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "core/stream.h"

namespace lq {

/// Of streams of one device.
class CudaTimeline {
 public:
  explicit CudaTimeline(std::size_t moments);
  ~CudaTimeline();
  CudaTimeline(const CudaTimeline&) = delete;
  CudaTimeline& operator=(const CudaTimeline&) = delete;

  /// Puts the moment behind all that the stream has been given so far.
  void mark(std::size_t moment, Stream& stream);
  /// From a moment to the one after it; the stream must have come past both.
  double seconds_after(std::size_t moment) const;

 private:
  std::vector<cudaEvent_t> events_;
};

}  // namespace lq
