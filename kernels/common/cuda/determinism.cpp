#include "kernels/common/cuda/determinism.h"

#include "core/environment.h"

namespace lq::kernels::cuda {

bool wants_determinism() {
  return chosen_by_environment<bool>("LQNET_CUDA_DETERMINISTIC", {{"0", false}, {"1", true}})
      .value_or(true);
}

}  // namespace lq::kernels::cuda
