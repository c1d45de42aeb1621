// Counting values between edges.
#pragma once

#include <cstdint>
#include <span>

#include "core/stream.h"
#include "core/view.h"

namespace lq::kernels {

inline constexpr std::int64_t max_histogram_bins = 1 << 14;

/// Counts of B bins whose edges, B + 1 numbers, do not descend:
///   counts[0]      values below edges[0]
///   counts[1 + b]  edges[b] <= value < edges[b + 1]; the last bin has its upper edge, too
///   counts[B + 1]  values above edges[B]
///   counts[B + 2]  NaN
/// They add up to the number of values. Infinite values compare like any others, and so do infinite
/// edges; 0 and -0 are the same. A bin between equal edges is empty, unless it is the last one.
///
/// values: any shape, fewer than 2^31; counts: B + 3, overwritten; edges: host memory. Exact on
/// every device: values are compared with edges, and nothing is computed of them. Throws Error for
/// no bins or more than max_histogram_bins, and for edges that descend or are NaN.
using Histogram = void(Stream& stream, ConstView<float> values, std::span<const float> edges,
                       View<std::int32_t> counts);

Histogram histogram;

namespace reference {
Histogram histogram;
}  // namespace reference

namespace cpu {
Histogram histogram;
}  // namespace cpu

/// By CUB.
namespace cuda {
Histogram histogram;
}  // namespace cuda

}  // namespace lq::kernels
