// Fully connected layer.
//
// Letters: N batch, I input features, O output features. Layouts, all contiguous:
//   x N I    weight O I    bias O    y N O
#pragma once

#include <string>

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// y[n,o] = bias[o] + sum over i of x[n,i] * weight[o,i]. `bias` may be empty.
/// y aliases nothing. Sums are in float, in an order of the implementation's choice.
using LinearForward = void(Stream& stream, ConstView<float> x, ConstView<float> weight,
                           ConstView<float> bias, View<float> y);

/// grad_x[n,i] (+)= sum over o of grad_y[n,o] * weight[o,i].
/// grad_x aliases nothing; ignore mode does nothing.
using LinearBackwardData = void(Stream& stream, ConstView<float> grad_y, ConstView<float> weight,
                                View<float> grad_x, GradientMode mode);

/// grad_weight[o,i] (+)= sum over n of grad_y[n,o] * x[n,i].
/// grad_weight aliases nothing; ignore mode does nothing.
using LinearBackwardWeights = void(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                                   View<float> grad_weight, GradientMode mode);

/// grad_bias[o] (+)= sum over n of grad_y[n,o]; summed in double.
/// grad_bias aliases nothing; ignore mode does nothing.
using LinearBackwardBias = void(Stream& stream, ConstView<float> grad_y, View<float> grad_bias,
                                GradientMode mode);

/// The public calls throw Error for shapes that do not fit and for empty views.
LinearForward linear_forward;
LinearBackwardData linear_backward_data;
LinearBackwardWeights linear_backward_weights;
LinearBackwardBias linear_backward_bias;

namespace reference {
LinearForward linear_forward;
LinearBackwardData linear_backward_data;
LinearBackwardWeights linear_backward_weights;
LinearBackwardBias linear_backward_bias;

/// The same loops for float and double (explicitly instantiated), sums in double; the instances
/// for double are for gradient checks.
template <typename T>
void linear_forward_loops(ConstView<T> x, ConstView<T> weight, ConstView<T> bias, View<T> y);
template <typename T>
void linear_backward_data_loops(ConstView<T> grad_y, ConstView<T> weight, View<T> grad_x,
                                GradientMode mode);
template <typename T>
void linear_backward_weights_loops(ConstView<T> grad_y, ConstView<T> x, View<T> grad_weight,
                                   GradientMode mode);
template <typename T>
void linear_backward_bias_loops(ConstView<T> grad_y, View<T> grad_bias, GradientMode mode);
}  // namespace reference

namespace cpu {
LinearForward linear_forward;
LinearBackwardData linear_backward_data;
LinearBackwardWeights linear_backward_weights;
LinearBackwardBias linear_backward_bias;
}  // namespace cpu

/// By cuBLAS where it can be used, or else by own kernels. LQNET_CUDA_LINEAR in the environment
/// names what to take, own or cublas; calls throw Error where that is cublas and it cannot be used,
/// and for other values. cuBLAS may round to what LQNET_CUDA_PRECISION says: fp32 (nothing), tf32,
/// or fp16.
namespace cuda {
LinearForward linear_forward;
LinearBackwardData linear_backward_data;
LinearBackwardWeights linear_backward_weights;
LinearBackwardBias linear_backward_bias;

/// What computes all but the gradient of the bias: "cuBLAS 13.0.0 in fp32", or "own
/// kernels" and why.
std::string linear_implementation();
}  // namespace cuda

}  // namespace lq::kernels
