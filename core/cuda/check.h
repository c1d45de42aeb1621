// Statuses of the CUDA runtime as errors.
#pragma once

#include <cuda_runtime_api.h>

#include <string_view>

namespace lq {

/// Throws Error "<what>: <CUDA's name of the error>: <its description>" unless status is success.
void check_cuda(cudaError_t status, std::string_view what);

}  // namespace lq
