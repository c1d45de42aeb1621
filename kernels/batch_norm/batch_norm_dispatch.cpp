#include "kernels/batch_norm/batch_norm.h"
#include "kernels/common/bitpack/bitpack.h"
#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"

namespace lq::kernels {

namespace {

/// Throws Error unless x is M x C with at least one value; returns the shape of a value per
/// channel.
Shape check_input(std::string_view operation, const Stream& stream, const ConstView<float>& x) {
  check(x.shape.rank() == 2 && x.elements() > 0, "{}: x is {}, expected M x C, none of them 0",
        operation, x.shape);
  check_view(operation, "x", stream, x, x.shape);
  return {x.shape[1]};
}

void check_parameters(std::string_view operation, const Stream& stream,
                      const BatchNormParameters& parameters, const Shape& channels) {
  check_view(operation, "mean", stream, parameters.mean, channels);
  check_view(operation, "variance", stream, parameters.variance, channels);
  if (parameters.gamma) check_view(operation, "gamma", stream, parameters.gamma, channels);
  if (parameters.beta) check_view(operation, "beta", stream, parameters.beta, channels);
}

}  // namespace

void batch_norm_statistics(Stream& stream, ConstView<float> x, View<float> mean,
                           View<float> variance) {
  constexpr std::string_view operation = "batch_norm_statistics";
  const Shape channels = check_input(operation, stream, x);
  check_view(operation, "mean", stream, mean, channels);
  check_view(operation, "variance", stream, variance, channels);
  choose<BatchNormStatistics>(operation, stream,
                              {reference::batch_norm_statistics, cpu::batch_norm_statistics,
                               LQNET_CUDA_KERNEL(cuda::batch_norm_statistics)})(stream, x, mean,
                                                                                variance);
}

void batch_norm_update_running(Stream& stream, ConstView<float> mean, ConstView<float> variance,
                               const BatchNormRunning& running) {
  constexpr std::string_view operation = "batch_norm_update_running";
  check_view(operation, "mean", stream, mean, {mean.elements()});
  check_view(operation, "variance", stream, variance, mean.shape);
  check_view(operation, "running mean", stream, running.mean, mean.shape);
  check_view(operation, "running variance", stream, running.variance, mean.shape);
  // A few hundred numbers: on the CPU the plain version is the fast one.
  choose<BatchNormUpdateRunning>(
      operation, stream,
      {reference::batch_norm_update_running, reference::batch_norm_update_running,
       LQNET_CUDA_KERNEL(cuda::batch_norm_update_running)})(stream, mean, variance, running);
}

void batch_norm_forward(Stream& stream, ConstView<float> x, const BatchNormParameters& parameters,
                        const BatchNormActivation& activation, View<float> y) {
  constexpr std::string_view operation = "batch_norm_forward";
  check_parameters(operation, stream, parameters, check_input(operation, stream, x));
  check_view(operation, "y", stream, y, x.shape);
  if (activation.table) {
    check_level_table(operation, stream, activation.table, 1);
    check_level_statistics(operation, stream, activation.table, activation.statistics);
    if (activation.planes) {
      check_code_planes(operation, stream, activation.table, x.shape, activation.planes);
    }
  }
  choose<BatchNormForward>(operation, stream,
                           {reference::batch_norm_forward, cpu::batch_norm_forward,
                            LQNET_CUDA_KERNEL(cuda::batch_norm_forward)})(stream, x, parameters,
                                                                          activation, y);
}

void batch_norm_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                         const BatchNormParameters& parameters,
                         const BatchNormBackwardOptions& options,
                         const BatchNormGradients& gradients) {
  constexpr std::string_view operation = "batch_norm_backward";
  const Shape channels = check_input(operation, stream, x);
  check_parameters(operation, stream, parameters, channels);
  check_view(operation, "grad_y", stream, grad_y, x.shape);
  if (options.pass_range) check_view(operation, "pass_range", stream, options.pass_range, {1, 2});
  check_gradient(operation, "grad_x", stream, gradients.x, x.shape, gradients.x_mode);
  check_gradient(operation, "grad_gamma", stream, gradients.gamma, channels, gradients.gamma_mode);
  check_gradient(operation, "grad_beta", stream, gradients.beta, channels, gradients.beta_mode);
  choose<BatchNormBackward>(operation, stream,
                            {reference::batch_norm_backward, cpu::batch_norm_backward,
                             LQNET_CUDA_KERNEL(cuda::batch_norm_backward)})(
      stream, grad_y, x, parameters, options, gradients);
}

}  // namespace lq::kernels
