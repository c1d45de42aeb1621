// Linear layers on GPUs by a library.
#pragma once

#include "kernels/common/cuda/library_choice.h"
#include "kernels/linear/linear.h"

namespace lq::kernels::cuda {

/// As the public calls, for arguments that these have checked; none of them in ignore mode. Results
/// are the same from run to run on one device with one version of the library.
struct LinearLibrary : FloatLibrary {
  LinearForward* forward = nullptr;
  LinearBackwardData* backward_data = nullptr;
  LinearBackwardWeights* backward_weights = nullptr;
};

/// cuBLAS, which the first call loads.
const LinearLibrary& linear_library();

}  // namespace lq::kernels::cuda
