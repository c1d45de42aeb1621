// Stochastic gradient descent with momentum, all parameters of a network in one call.
#pragma once

#include <span>

#include "core/stream.h"
#include "core/view.h"

namespace lq::kernels {

struct SgdOptions {
  double learning_rate = 0.1;  ///< finite, at least 0
  double momentum = 0.9;       ///< [0, 1)
  double weight_decay = 0.0;   ///< finite, at least 0; the loss term is weight_decay * |w|^2 / 2
  bool nesterov = false;
  double gradient_scale = 1.0;  ///< finite; gradients are multiplied by it first
};

/// One parameter: three views of one shape, none of them an alias of any other in the call.
struct SgdParameter {
  View<float> value;
  ConstView<float> gradient;
  View<float> velocity;  ///< all zero before the first step
  bool decay = false;    ///< whether weight_decay applies to this parameter
};

/// For every element, with g' = gradient_scale * gradient + weight_decay * value (no decay: without
/// the second term):
///   velocity = momentum * velocity + g'
///   value -= learning_rate * velocity                       plain
///   value -= learning_rate * (g' + momentum * velocity)     Nesterov, with the new velocity
/// in place and in float (the reference: in double). The list may be empty. The result does not
/// depend on the number of threads. The form of TensorFlow's MomentumOptimizer, which the official
/// code uses: the learning rate is outside of the velocity.
using SgdStep = void(Stream& stream, std::span<const SgdParameter> parameters,
                     const SgdOptions& options);

/// Throws Error for options out of range and for views that do not fit together.
SgdStep sgd_step;

namespace reference {
SgdStep sgd_step;
}

namespace cpu {
SgdStep sgd_step;
}

namespace cuda {
SgdStep sgd_step;
}

}  // namespace lq::kernels
