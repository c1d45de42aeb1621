#include "kernels/batch_norm/batch_norm.h"
#include "kernels/common/dispatch.h"

namespace lq::kernels {

namespace {

void check_input(ConstView<float> x) {
  check(x.shape.rank() == 2 && x.shape[0] >= 1 && x.shape[1] >= 1,
        "batch_norm: input {}, expected M x C with at least one value", x.shape.to_string());
}

void check_channels(std::string_view name, const Shape& shape, std::int64_t channels) {
  check(shape == Shape{channels}, "batch_norm: {} {}, expected {}", name, shape.to_string(),
        channels);
}

void check_parameters(ConstView<float> x, const BatchNormParameters& parameters) {
  check_input(x);
  check_channels("mean", parameters.mean.shape, x.shape[1]);
  check_channels("variance", parameters.variance.shape, x.shape[1]);
  if (parameters.gamma) check_channels("gamma", parameters.gamma.shape, x.shape[1]);
  if (parameters.beta) check_channels("beta", parameters.beta.shape, x.shape[1]);
}

}  // namespace

void batch_norm_statistics(Stream& stream, ConstView<float> x, View<float> mean,
                           View<float> variance) {
  check_input(x);
  check_channels("mean", mean.shape, x.shape[1]);
  check_channels("variance", variance.shape, x.shape[1]);
  choose<BatchNormStatistics>("batch_norm_statistics", stream,
                              {reference::batch_norm_statistics, cpu::batch_norm_statistics,
                               LQNET_CUDA_KERNEL(cuda::batch_norm_statistics)})(stream, x, mean,
                                                                                variance);
}

void batch_norm_update_running(Stream& stream, ConstView<float> mean, ConstView<float> variance,
                               const BatchNormRunning& running) {
  check_channels("running mean", running.mean.shape, mean.elements());
  check_channels("running variance", running.variance.shape, variance.elements());
  // A few hundred numbers: on the CPU the plain version is the fast one.
  choose<BatchNormUpdateRunning>(
      "batch_norm_update_running", stream,
      {reference::batch_norm_update_running, reference::batch_norm_update_running,
       LQNET_CUDA_KERNEL(cuda::batch_norm_update_running)})(stream, mean, variance, running);
}

void batch_norm_forward(Stream& stream, ConstView<float> x, const BatchNormParameters& parameters,
                        const BatchNormActivation& activation, View<float> y) {
  check_parameters(x, parameters);
  check(y.shape == x.shape, "batch_norm: output {} for input {}", y.shape.to_string(),
        x.shape.to_string());
  if (activation.table) {
    check_level_table("batch_norm", activation.table, 1);
    check_level_statistics("batch_norm", activation.table, activation.statistics);
  }
  choose<BatchNormForward>("batch_norm_forward", stream,
                           {reference::batch_norm_forward, cpu::batch_norm_forward,
                            LQNET_CUDA_KERNEL(cuda::batch_norm_forward)})(stream, x, parameters,
                                                                          activation, y);
}

void batch_norm_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                         const BatchNormParameters& parameters,
                         const BatchNormBackwardOptions& options,
                         const BatchNormGradients& gradients) {
  check_parameters(x, parameters);
  check(grad_y.shape == x.shape &&
            (gradients.x_mode == GradientMode::ignore || gradients.x.shape == x.shape),
        "batch_norm: gradients {} and {} for input {}", grad_y.shape.to_string(),
        gradients.x.shape.to_string(), x.shape.to_string());
  check(!options.pass_range || options.pass_range.shape == Shape{1, 2},
        "batch_norm: pass range {}, expected 1x2", options.pass_range.shape.to_string());
  if (gradients.gamma_mode != GradientMode::ignore) {
    check_channels("gradient of gamma", gradients.gamma.shape, x.shape[1]);
  }
  if (gradients.beta_mode != GradientMode::ignore) {
    check_channels("gradient of beta", gradients.beta.shape, x.shape[1]);
  }
  choose<BatchNormBackward>("batch_norm_backward", stream,
                            {reference::batch_norm_backward, cpu::batch_norm_backward,
                             LQNET_CUDA_KERNEL(cuda::batch_norm_backward)})(
      stream, grad_y, x, parameters, options, gradients);
}

}  // namespace lq::kernels
