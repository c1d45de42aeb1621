#include <cmath>

#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/sgd/sgd.h"

namespace lq::kernels {

namespace {

void check_options(const SgdOptions& options) {
  check(std::isfinite(options.learning_rate) && options.learning_rate >= 0,
        "sgd_step: learning rate {}, expected a finite number, at least 0", options.learning_rate);
  check(options.momentum >= 0 && options.momentum < 1,
        "sgd_step: momentum {}, expected 0 <= momentum < 1", options.momentum);
  check(std::isfinite(options.weight_decay) && options.weight_decay >= 0,
        "sgd_step: weight decay {}, expected a finite number, at least 0", options.weight_decay);
  check(std::isfinite(options.gradient_scale),
        "sgd_step: gradient scale {}, expected a finite number", options.gradient_scale);
}

}  // namespace

void sgd_step(Stream& stream, std::span<const SgdParameter> parameters, const SgdOptions& options) {
  constexpr std::string_view operation = "sgd_step";
  check_options(options);
  for (const SgdParameter& parameter : parameters) {
    check_view(operation, "value", stream, parameter.value, parameter.value.shape);
    check_view(operation, "gradient", stream, parameter.gradient, parameter.value.shape);
    check_view(operation, "velocity", stream, parameter.velocity, parameter.value.shape);
  }
  choose<SgdStep>(operation, stream,
                  {reference::sgd_step, cpu::sgd_step, LQNET_CUDA_KERNEL(cuda::sgd_step)})(
      stream, parameters, options);
}

}  // namespace lq::kernels
