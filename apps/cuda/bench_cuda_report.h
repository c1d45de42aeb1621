// What `lqnet bench cuda` prints.
#pragma once

#include <nlohmann/json.hpp>

#include "bench/cuda_convolution.h"

namespace lq::apps {

nlohmann::ordered_json cuda_json(const bench::CudaConvolutionReport& report,
                                 const bench::CudaConvolutionOptions& options);

/// A table of what was measured, with why there is no time where one is missing, geometric means,
/// and a table of its own for what others have published.
void print_cuda_text(const bench::CudaConvolutionReport& report,
                     const bench::CudaConvolutionOptions& options);

}  // namespace lq::apps
