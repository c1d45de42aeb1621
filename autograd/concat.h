// Concatenation along the channels on the tape.
#pragma once

#include <span>

#include "autograd/variable.h"

namespace lq::autograd {

/// The channels (last axis) of all inputs, one after another; the other axes are equal. At least
/// one input, all on one device; an input may be given more than once.
/// Record "concat". Saves nothing.
Variable concat(std::span<const Variable> inputs);

}  // namespace lq::autograd
