// The scale of sign quantizers.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace lq {

/// Mean of |w| for each of `rows` equal parts of a float tensor on any device, in double; the same
/// for any number of threads.
std::vector<double> mean_magnitudes(const Tensor& weights, std::int64_t rows);

}  // namespace lq
