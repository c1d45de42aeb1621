// Elementwise sum on the tape.
#pragma once

#include "autograd/variable.h"

namespace lq::autograd {

/// a + b, equal shapes; a and b may be the same variable. Record "add". Saves nothing, and hands
/// the output's gradient on without copying it.
Variable add(const Variable& a, const Variable& b);

}  // namespace lq::autograd
