// How many warps of a kernel a multiprocessor can hold.
#pragma once

#include "tests/resources/ptxas_log.h"

namespace lq::testing {

/// Percent of the warps that a multiprocessor of the kernel's architecture has room for, with
/// blocks of `threads` and no dynamic shared memory, by NVIDIA's cuda_occupancy.h. Throws Error for
/// an architecture whose limits are not known.
int occupancy_percent(const KernelResources& kernel, int threads);

}  // namespace lq::testing
