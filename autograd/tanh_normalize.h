// DoReFa's squashing of weights on the tape.
#pragma once

#include "autograd/variable.h"

namespace lq::autograd {

/// tanh(x) / max |tanh(x)|, any shape. Record "tanh_normalize". Saved: tanh(x).
Variable tanh_normalize(const Variable& x);

}  // namespace lq::autograd
