// Average over whole maps on the tape.
#pragma once

#include "autograd/variable.h"

namespace lq::autograd {

/// The mean over all pixels of an image: N x H x W x C to N x C.
/// Record "global_average_pool". Saves nothing.
Variable global_average_pool(const Variable& x);

}  // namespace lq::autograd
