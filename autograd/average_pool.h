// Average pooling on the tape.
#pragma once

#include "autograd/variable.h"
#include "kernels/pool/pool.h"

namespace lq::autograd {

using kernels::Padding;
using kernels::PoolOptions;

/// The mean of the pixels of each window; padding is not counted. x is N x H x W x C.
/// Record "average_pool" with kernel, stride and padding [top, bottom, left, right] as resolved.
/// Saves nothing.
Variable average_pool(const Variable& x, const PoolOptions& options);

}  // namespace lq::autograd
