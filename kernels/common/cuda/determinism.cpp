#include "kernels/common/cuda/determinism.h"

#include "core/environment.h"

namespace lq::kernels::cuda {

bool wants_determinism() { return switched_by_environment("LQNET_CUDA_DETERMINISTIC", true); }

}  // namespace lq::kernels::cuda
