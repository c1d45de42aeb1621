// Whether results have to be the same from run to run.
#pragma once

namespace lq::kernels::cuda {

/// LQNET_CUDA_DETERMINISTIC in the environment: 1, or nothing, where results of one device have to
/// be the same each time; 0 where sums may be added up in any order. Throws Error for other values.
bool wants_determinism();

}  // namespace lq::kernels::cuda
