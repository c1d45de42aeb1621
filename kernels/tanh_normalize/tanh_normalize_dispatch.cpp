#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/tanh_normalize/tanh_normalize.h"

namespace lq::kernels {

void tanh_normalize_forward(Stream& stream, ConstView<float> x, View<float> squashed,
                            View<float> y) {
  constexpr std::string_view operation = "tanh_normalize_forward";
  check_view(operation, "x", stream, x, x.shape);
  check_view(operation, "squashed", stream, squashed, x.shape);
  check_view(operation, "y", stream, y, x.shape);
  choose<TanhNormalizeForward>(operation, stream,
                               {reference::tanh_normalize_forward, cpu::tanh_normalize_forward,
                                LQNET_CUDA_KERNEL(cuda::tanh_normalize_forward)})(stream, x,
                                                                                  squashed, y);
}

void tanh_normalize_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> squashed,
                             View<float> grad_x, GradientMode mode) {
  constexpr std::string_view operation = "tanh_normalize_backward";
  check_view(operation, "squashed", stream, squashed, squashed.shape);
  check_view(operation, "grad_y", stream, grad_y, squashed.shape);
  check_gradient(operation, "grad_x", stream, grad_x, squashed.shape, mode);
  choose<TanhNormalizeBackward>(operation, stream,
                                {reference::tanh_normalize_backward, cpu::tanh_normalize_backward,
                                 LQNET_CUDA_KERNEL(cuda::tanh_normalize_backward)})(
      stream, grad_y, squashed, grad_x, mode);
}

}  // namespace lq::kernels
