// How many warps of a kernel a multiprocessor can hold.
#pragma once

#include "tests/resources/ptxas_log.h"

namespace lq::testing {

/// Percent of the warps that a multiprocessor of the kernel's architecture has room for, with
/// blocks of `threads` that have so much shared memory besides that of the kernel, by NVIDIA's
/// cuda_occupancy.h. Throws Error for an architecture whose limits are not known, and for blocks
/// that it cannot have.
int occupancy_percent(const KernelResources& kernel, int threads,
                      std::int64_t dynamic_shared_bytes = 0);

}  // namespace lq::testing
