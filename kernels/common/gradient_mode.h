// What a backward kernel does with a gradient that it computes.
#pragma once

namespace lq::kernels {

/// ignore: not wanted, the output view may be null. overwrite: the output is uninitialised.
/// accumulate: add to what is there. The tape itself never adds.
enum class GradientMode : unsigned char { ignore, overwrite, accumulate };

}  // namespace lq::kernels
