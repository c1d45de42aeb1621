#include "kernels/common/dispatch.h"
#include "kernels/relu/relu.h"

namespace lq::kernels {

void relu_forward(Stream& stream, ConstView<float> x, View<float> y) {
  check(x.shape == y.shape, "relu: output {} for input {}", y.shape.to_string(),
        x.shape.to_string());
  choose<ReluForward>("relu_forward", stream,
                      {reference::relu_forward, cpu::relu_forward,
                       LQNET_CUDA_KERNEL(cuda::relu_forward)})(stream, x, y);
}

void relu_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> y, View<float> grad_x,
                   GradientMode mode) {
  check(grad_y.shape == y.shape && (mode == GradientMode::ignore || grad_x.shape == y.shape),
        "relu: gradients {} and {} for output {}", grad_y.shape.to_string(),
        grad_x.shape.to_string(), y.shape.to_string());
  choose<ReluBackward>("relu_backward", stream,
                       {reference::relu_backward, cpu::relu_backward,
                        LQNET_CUDA_KERNEL(cuda::relu_backward)})(stream, grad_y, y, grad_x, mode);
}

}  // namespace lq::kernels
