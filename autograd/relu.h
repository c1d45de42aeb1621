// Rectified linear unit on the tape.
#pragma once

#include "autograd/variable.h"

namespace lq::autograd {

/// max(x, 0), any shape. Record "relu". Saves its output.
Variable relu(const Variable& x);

}  // namespace lq::autograd
