// Differentiable fully connected layer.
#pragma once

#include "autograd/variable.h"

namespace lq::autograd {

/// y = x weight^T + bias, by kernels/linear/linear.h. x N I, weight O I, bias O or undefined;
/// y N O.
/// Record "linear", inputs x, weight and, if defined, bias; attributes `extra`.
/// Saved: x when the weight's gradient is wanted, weight when x's is.
Variable linear(const Variable& x, const Variable& weight, const Variable& bias,
                Attributes extra = {});

}  // namespace lq::autograd
