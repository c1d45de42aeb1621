// Whether the operations of kernels/ give the same results on a GPU as their reference on the CPU.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/device.h"

namespace lq::bench {

/// An operation, forwards and backwards, on a few shapes.
struct CudaVerification {
  std::string operation;    ///< the folder of kernels/ that has it, or a part of that
  std::int64_t values = 0;  ///< that were compared
  /// The largest difference, in percent of what rounding may make of it. 0: all values are equal;
  /// infinite where values differ that have to be equal, or where one is no number.
  double worst_percent = 0;
  std::string failure;  ///< the error that ended it, if one did

  bool is_right() const { return failure.empty() && worst_percent <= 100; }
};

/// One of each operation that has a kernel, in the order of their names. Float convolutions and
/// linear layers are computed by what LQNET_CUDA_CONV, _LINEAR and _PRECISION choose; differences
/// are judged by the rounding of single precision. Throws Error in a build or on a machine without
/// CUDA.
std::vector<CudaVerification> verify_cuda(Device device);

}  // namespace lq::bench
