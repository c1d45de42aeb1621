// What the records of the pooling operations say of them.
#pragma once

#include <string_view>

#include "autograd/variable.h"
#include "kernels/pool/pool.h"

namespace lq::autograd {

/// kernel, stride, and padding [top, bottom, left, right] as resolved for x.
Attributes pool_attributes(std::string_view operation, const Shape& x,
                           const kernels::PoolOptions& options);

}  // namespace lq::autograd
