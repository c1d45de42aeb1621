// Gradients that an operation hands on unchanged.
#pragma once

#include "autograd/variable.h"

namespace lq::autograd {

/// For operations whose input has the output's gradient (sum, reshape, straight-through): gives
/// `gradient` to the sink, by reference when it is the first to arrive and added otherwise. Does
/// nothing in ignore mode. Throws Error unless the shape is that of the input.
void pass_on(const Tensor& gradient, GradientSink& sink);

}  // namespace lq::autograd
