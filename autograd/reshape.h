// Other extents for the same elements, on the tape.
#pragma once

#include "autograd/variable.h"

namespace lq::autograd {

/// x with other extents and as many elements; the value shares the storage of x, and the gradient
/// is handed on without copying it. Record "reshape" with shape. Saves nothing.
Variable reshape(const Variable& x, const Shape& shape);

}  // namespace lq::autograd
