#include "kernels/common/dispatch.h"
#include "kernels/tanh_normalize/tanh_normalize.h"

namespace lq::kernels {

// Weights are few, and this is a baseline: on the CPU the plain version serves.

void tanh_normalize_forward(Stream& stream, ConstView<float> x, View<float> y) {
  check(x.shape == y.shape, "tanh_normalize: output {} for input {}", y.shape.to_string(),
        x.shape.to_string());
  choose<TanhNormalizeForward>(
      "tanh_normalize_forward", stream,
      {reference::tanh_normalize_forward, reference::tanh_normalize_forward,
       LQNET_CUDA_KERNEL(cuda::tanh_normalize_forward)})(stream, x, y);
}

void tanh_normalize_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                             View<float> grad_x, GradientMode mode) {
  check(grad_y.shape == x.shape && (mode == GradientMode::ignore || grad_x.shape == x.shape),
        "tanh_normalize: gradients {} and {} for input {}", grad_y.shape.to_string(),
        grad_x.shape.to_string(), x.shape.to_string());
  choose<TanhNormalizeBackward>(
      "tanh_normalize_backward", stream,
      {reference::tanh_normalize_backward, reference::tanh_normalize_backward,
       LQNET_CUDA_KERNEL(cuda::tanh_normalize_backward)})(stream, grad_y, x, grad_x, mode);
}

}  // namespace lq::kernels
