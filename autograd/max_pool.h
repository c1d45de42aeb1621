// Maximum pooling on the tape.
#pragma once

#include "autograd/variable.h"
#include "kernels/pool/pool.h"

namespace lq::autograd {

using kernels::Padding;
using kernels::PoolOptions;

/// The largest pixel of each window (kernels/pool/pool.h says how ties, padding and NaN are
/// treated). x is N x H x W x C.
/// Record "max_pool" with kernel, stride and padding [top, bottom, left, right] as resolved.
/// Saves the winner's place in its window: one byte per output element.
Variable max_pool(const Variable& x, const PoolOptions& options);

}  // namespace lq::autograd
