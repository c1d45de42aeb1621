// Seeded random tensors for tests.
#pragma once

#include <vector>

#include "core/rng.h"
#include "core/tensor.h"

namespace lq::testing {

/// Normal with the given mean and standard deviation.
Tensor random_normal(const Shape& shape, std::uint64_t seed, double mean = 0.0,
                     double stddev = 1.0);
/// Uniform in [low, high).
Tensor random_uniform(const Shape& shape, std::uint64_t seed, float low, float high);
/// Every bit random, so NaN and infinity occur: for what only moves elements.
Tensor random_bits(const Shape& shape, DType dtype, Rng& rng);
/// Uniform integers in [low, high].
std::int64_t random_integer(Rng& rng, std::int64_t low, std::int64_t high);

/// The same elements in double, for oracles.
std::vector<double> to_double(const Tensor& tensor);

}  // namespace lq::testing
