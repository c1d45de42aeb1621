#include "core/cuda/check.h"

#include "core/error.h"

namespace lq {

void check_cuda(cudaError_t status, std::string_view what) {
  if (status == cudaSuccess) [[likely]] {
    return;
  }
  cudaGetLastError();  // or the next call would report it again
  fail("{}: {}: {}", what, cudaGetErrorName(status), cudaGetErrorString(status));
}

}  // namespace lq
