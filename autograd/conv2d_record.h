// What the forms of a convolution leave on the tape; they differ in how they run forward.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "autograd/variable.h"
#include "kernels/common/conv2d_geometry.h"

namespace lq::autograd {

/// Records y as the convolution of `inputs`: x, weight and perhaps bias. Attributes are those of
/// conv2d(). Saved: weight when x's gradient is wanted, and whatever `restore_x` holds, which is
/// called when the weight's gradient is computed.
Variable record_conv2d(std::string_view operation, const kernels::Conv2dGeometry& geometry,
                       std::span<const Variable> inputs, Tensor y,
                       std::function<Tensor()> restore_x, Attributes extra);

}  // namespace lq::autograd
