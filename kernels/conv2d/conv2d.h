// Two-dimensional convolution (cross-correlation), strided, padded, grouped.
//
// Letters: N batch, H W map, C input channels, O output channels, R S kernel height and width,
// P Q output height and width, G groups. Layouts, all contiguous:
//   x N H W C    weight O R S C/G    bias O    y N P Q O
// Group g connects input channels [g C/G, (g+1) C/G) with output channels [g O/G, (g+1) O/G).
#pragma once

#include <cstdint>
#include <string>

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/conv2d_geometry.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// y[n,p,q,o] = bias[o] + sum over r,s,c of x[n, p*stride_h + r - pad_top, q*stride_w + s -
/// pad_left, c] * weight[o,r,s,c], with zeros outside the map. `bias` may be empty.
/// y aliases nothing. Sums are in float, in an order of the implementation's choice; the result
/// may depend on the number of threads, but not otherwise from run to run.
using Conv2dForward = void(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> x,
                           ConstView<float> weight, ConstView<float> bias, View<float> y);

/// grad_x (+)= gradient of x: the transposed convolution of grad_y with the weight.
/// grad_x aliases nothing; ignore mode does nothing.
using Conv2dBackwardData = void(Stream& stream, const Conv2dGeometry& geometry,
                                ConstView<float> grad_y, ConstView<float> weight,
                                View<float> grad_x, GradientMode mode);

/// grad_weight (+)= gradient of the weight: the correlation of x with grad_y.
/// grad_weight aliases nothing; ignore mode does nothing.
using Conv2dBackwardWeights = void(Stream& stream, const Conv2dGeometry& geometry,
                                   ConstView<float> grad_y, ConstView<float> x,
                                   View<float> grad_weight, GradientMode mode);

/// grad_bias[o] (+)= sum over n,p,q of grad_y[n,p,q,o]; summed in double.
/// grad_bias aliases nothing; ignore mode does nothing.
using Conv2dBackwardBias = void(Stream& stream, const Conv2dGeometry& geometry,
                                ConstView<float> grad_y, View<float> grad_bias, GradientMode mode);

/// The public calls throw Error when a view has not the shape that the geometry gives it.
Conv2dForward conv2d_forward;
Conv2dBackwardData conv2d_backward_data;
Conv2dBackwardWeights conv2d_backward_weights;
Conv2dBackwardBias conv2d_backward_bias;

namespace reference {
Conv2dForward conv2d_forward;
Conv2dBackwardData conv2d_backward_data;
Conv2dBackwardWeights conv2d_backward_weights;
Conv2dBackwardBias conv2d_backward_bias;

/// The same loops for float and double (explicitly instantiated), sums in double; the instances
/// for double are for gradient checks.
template <typename T>
void conv2d_forward_loops(const Conv2dGeometry& geometry, ConstView<T> x, ConstView<T> weight,
                          ConstView<T> bias, View<T> y);
template <typename T>
void conv2d_backward_data_loops(const Conv2dGeometry& geometry, ConstView<T> grad_y,
                                ConstView<T> weight, View<T> grad_x, GradientMode mode);
template <typename T>
void conv2d_backward_weights_loops(const Conv2dGeometry& geometry, ConstView<T> grad_y,
                                   ConstView<T> x, View<T> grad_weight, GradientMode mode);
template <typename T>
void conv2d_backward_bias_loops(const Conv2dGeometry& geometry, ConstView<T> grad_y,
                                View<T> grad_bias, GradientMode mode);
}  // namespace reference

/// By oneDNN, which picks its instruction set itself (ONEDNN_MAX_CPU_ISA caps it, LQNET_ISA does
/// not). Its compiled primitives are kept for the life of the program and shared by all threads.
namespace cpu {
Conv2dForward conv2d_forward;
Conv2dBackwardData conv2d_backward_data;
Conv2dBackwardWeights conv2d_backward_weights;
Conv2dBackwardBias conv2d_backward_bias;
}  // namespace cpu

/// By cuDNN where it can be used and has a way to compute the convolution, with results that are
/// the same each time unless they may vary (determinism.h), or else by own kernels. LQNET_CUDA_CONV
/// names what to take, own or cudnn; calls throw Error where that is cudnn and it cannot be used at
/// all, and for other values. cuDNN rounds to LQNET_CUDA_PRECISION: fp32 (nothing), tf32, or fp16.
namespace cuda {
Conv2dForward conv2d_forward;
Conv2dBackwardData conv2d_backward_data;
Conv2dBackwardWeights conv2d_backward_weights;
Conv2dBackwardBias conv2d_backward_bias;

/// What computes all but the gradient of the bias: "cuDNN 9.19.0 in fp32", where that
/// has a way, or "own kernels" and why.
std::string conv2d_implementation();

/// Passes of convolutions (forward or a gradient, of one geometry) that this program has computed
/// by own kernels since cuDNN, though it was chosen, had no way.
std::int64_t conv2d_fallbacks();
}  // namespace cuda

}  // namespace lq::kernels
