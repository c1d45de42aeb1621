// Convolution of quantized values by bit operations.
#pragma once

#include "autograd/conv2d.h"

namespace lq::autograd {

/// conv2d() of values that are all levels (see Variable::levels()), with the forward pass on their
/// codes by kernels/bitconv/bit_conv2d.h: the same result but for float rounding. That takes tables
/// that say their alphabet (LevelTable::alphabet): one table of {0,1} codes for x, {-1,+1} codes
/// for the weight, 1 to 4 bits on each side, and one group; anything else, and whatever is traced,
/// is given to conv2d().
/// Recorded as "bit_conv2d" with the attributes of conv2d(). Saved: the codes of x when the
/// weight's gradient is wanted, which is computed from the same floats as conv2d() saves; weight
/// when x's is.
Variable bit_conv2d(const Variable& x, const Variable& weight, const Variable& bias,
                    const Conv2dOptions& options, Attributes extra = {});

}  // namespace lq::autograd
