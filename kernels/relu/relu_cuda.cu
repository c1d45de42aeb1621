#include "kernels/common/cuda/elementwise.h"
#include "kernels/relu/relu.h"

namespace lq::kernels::cuda {

namespace {

struct Relu {
  __device__ float operator()(float x) const { return x <= 0.0F ? 0.0F : x; }
};

struct ReluGradient {
  __device__ float operator()(float grad_y, float y) const { return y > 0.0F ? grad_y : 0.0F; }
};

}  // namespace

void relu_forward(Stream& stream, ConstView<float> x, View<float> y) {
  elementwise("relu_forward", stream, x.elements(), Relu{}, y.data, x.data);
}

void relu_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> y, View<float> grad_x,
                   GradientMode mode) {
  elementwise_gradient("relu_backward", stream, y.elements(), mode, ReluGradient{}, grad_x.data,
                       grad_y.data, y.data);
}

}  // namespace lq::kernels::cuda
