#include "core/cuda/timeline.h"

#include "core/cuda/check.h"
#include "core/cuda/stream.h"

namespace lq {

CudaTimeline::CudaTimeline(std::size_t moments) : events_(moments, nullptr) {}

CudaTimeline::~CudaTimeline() {
  for (const cudaEvent_t event : events_) {
    if (event != nullptr) cudaEventDestroy(event);
  }
}

void CudaTimeline::mark(std::size_t moment, Stream& stream) {
  // All at once, and on the stream's device: others cannot be recorded there, and making one
  // between two moments would be measured.
  if (events_[moment] == nullptr) {
    const CudaDeviceScope device(stream.device().index);
    for (cudaEvent_t& event : events_) {
      if (event == nullptr) check_cuda(cudaEventCreate(&event), "cudaEventCreate");
    }
  }
  check_cuda(cudaEventRecord(events_[moment], native(stream)), "cudaEventRecord");
}

double CudaTimeline::seconds_after(std::size_t moment) const {
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, events_[moment], events_[moment + 1]),
             "cudaEventElapsedTime");
  return static_cast<double>(milliseconds) / 1000;
}

}  // namespace lq
