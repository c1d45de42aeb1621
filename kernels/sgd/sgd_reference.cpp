#include "kernels/sgd/sgd.h"

namespace lq::kernels::reference {

void sgd_step(Stream&, std::span<const SgdParameter> parameters, const SgdOptions& options) {
  for (const SgdParameter& parameter : parameters) {
    for (std::int64_t i = 0; i < parameter.value.elements(); ++i) {
      const double value = parameter.value[i];
      double gradient = options.gradient_scale * parameter.gradient[i];
      if (parameter.decay) gradient += options.weight_decay * value;
      const double velocity = options.momentum * parameter.velocity[i] + gradient;
      const double step = options.nesterov ? gradient + options.momentum * velocity : velocity;
      parameter.velocity[i] = static_cast<float>(velocity);
      parameter.value[i] = static_cast<float>(value - options.learning_rate * step);
    }
  }
}

}  // namespace lq::kernels::reference
