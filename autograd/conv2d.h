// Differentiable two-dimensional convolution.
#pragma once

#include "autograd/variable.h"
#include "kernels/conv2d/conv2d.h"

namespace lq::autograd {

using kernels::Conv2dOptions;
using kernels::Padding;

/// y = x * weight + bias, by kernels/conv2d/conv2d.h. x N H W C, weight O R S C/G, bias O or
/// undefined; y N P Q O.
/// Record "conv2d", inputs x, weight and, if defined, bias; attributes `kernel` [R, S],
/// `stride` [h, w], `padding` [top, bottom, left, right] (resolved), `groups`, then `extra`.
/// Saved: x when the weight's gradient is wanted, weight when x's is.
Variable conv2d(const Variable& x, const Variable& weight, const Variable& bias,
                const Conv2dOptions& options, Attributes extra = {});

}  // namespace lq::autograd
