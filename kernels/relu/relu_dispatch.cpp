#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/relu/relu.h"

namespace lq::kernels {

void relu_forward(Stream& stream, ConstView<float> x, View<float> y) {
  constexpr std::string_view operation = "relu_forward";
  check_view(operation, "x", stream, x, x.shape);
  check_view(operation, "y", stream, y, x.shape);
  choose<ReluForward>(operation, stream,
                      {reference::relu_forward, cpu::relu_forward,
                       LQNET_CUDA_KERNEL(cuda::relu_forward)})(stream, x, y);
}

void relu_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> y, View<float> grad_x,
                   GradientMode mode) {
  constexpr std::string_view operation = "relu_backward";
  check_view(operation, "y", stream, y, y.shape);
  check_view(operation, "grad_y", stream, grad_y, y.shape);
  check_gradient(operation, "grad_x", stream, grad_x, y.shape, mode);
  choose<ReluBackward>(operation, stream,
                       {reference::relu_backward, cpu::relu_backward,
                        LQNET_CUDA_KERNEL(cuda::relu_backward)})(stream, grad_y, y, grad_x, mode);
}

}  // namespace lq::kernels
