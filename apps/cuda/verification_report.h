// What `lqnet bench cuda --verify` prints.
#pragma once

#include <vector>

#include "bench/cuda_verification.h"

namespace lq::apps {

void print_verification_json(const std::vector<bench::CudaVerification>& verifications,
                             Device device);

/// A line for each operation, and one for each error.
void print_verification_text(const std::vector<bench::CudaVerification>& verifications,
                             Device device);

}  // namespace lq::apps
