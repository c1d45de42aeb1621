// What `lqnet bench cuda` says of operations that it has compared with the CPU.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bench/cuda_verification.h"

namespace lq::apps {

nlohmann::ordered_json verification_json(const std::vector<bench::CudaVerification>& verifications,
                                         Device device);

/// A line for each operation, and one for each error.
void print_verification_text(const std::vector<bench::CudaVerification>& verifications,
                             Device device);

}  // namespace lq::apps
