// Pooling over square windows: maximum, average, and the average of a whole map. NHWC.
//
// Shapes: x is N x H x W x C, y is N x OH x OW x C with OH and OW from `pool_output_shape`.
// Gradients have the shapes of what they belong to. No output may alias an input.
// All calls throw Error, naming the operation, for other shapes and for options out of range.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"
#include "kernels/common/padding.h"

namespace lq::kernels {

struct PoolOptions {
  /// Side of the window; for the maximum at most 16, so that a place in it fits into 8 bits.
  std::int64_t kernel = 2;
  std::int64_t stride = 2;
  /// Each side must be smaller than the kernel: every window then holds at least one pixel.
  Padding padding = Padding::valid();
};

/// The padding of both axes and the extents of the output.
struct PoolGeometry {
  AxisPadding height;
  AxisPadding width;
};

/// Throws Error naming `operation` for an x that is not of rank 4 and for options out of range.
PoolGeometry resolve_pool(std::string_view operation, const Shape& x, const PoolOptions& options);
/// Shape of the output, N x OH x OW x C; throws as resolve_pool does.
Shape pool_output_shape(std::string_view operation, const Shape& x, const PoolOptions& options);

/// y = the largest pixel of each window, channel by channel. Padding never wins, not even over
/// negative pixels. Of equal pixels the first wins, row by row. A NaN wins over every number and
/// is handed on, so that a diverged run shows.
/// argmax, of the shape of y, receives the winner's place in the window, row * kernel + column,
/// counted in the whole window including its padding; an empty view where it is not wanted.
using MaxPoolForward = void(Stream& stream, ConstView<float> x, View<float> y,
                            View<std::uint8_t> argmax, const PoolOptions& options);

/// grad_x (+)= the sum of grad_y over the windows that the pixel won; 0 for a pixel that won none.
/// `argmax` is that of the forward pass with the same options.
using MaxPoolBackward = void(Stream& stream, ConstView<float> grad_y,
                             ConstView<std::uint8_t> argmax, View<float> grad_x,
                             const PoolOptions& options, GradientMode mode);

/// y = the mean of the pixels of each window. Padding is not counted in the divisor: a window at
/// the border averages the pixels that it really covers, as TensorFlow does.
using AveragePoolForward = void(Stream& stream, ConstView<float> x, View<float> y,
                                const PoolOptions& options);

/// grad_x (+)= the sum over the windows that cover the pixel of grad_y / pixels in the window.
using AveragePoolBackward = void(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                                 const PoolOptions& options, GradientMode mode);

/// y = the mean over all pixels of an image; y is N x C. Summed in double.
using GlobalAveragePoolForward = void(Stream& stream, ConstView<float> x, View<float> y);

/// grad_x (+)= grad_y / (H * W), the same for all pixels of an image.
using GlobalAveragePoolBackward = void(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                                       GradientMode mode);

MaxPoolForward max_pool_forward;
MaxPoolBackward max_pool_backward;
AveragePoolForward average_pool_forward;
AveragePoolBackward average_pool_backward;
GlobalAveragePoolForward global_average_pool_forward;
GlobalAveragePoolBackward global_average_pool_backward;

namespace reference {
MaxPoolForward max_pool_forward;
MaxPoolBackward max_pool_backward;
AveragePoolForward average_pool_forward;
AveragePoolBackward average_pool_backward;
GlobalAveragePoolForward global_average_pool_forward;
GlobalAveragePoolBackward global_average_pool_backward;

/// The same loops for float and double (explicitly instantiated); double is for gradient checks.
template <typename T>
void max_pool_forward_loops(ConstView<T> x, View<T> y, View<std::uint8_t> argmax,
                            const PoolOptions& options);
template <typename T>
void max_pool_backward_loops(ConstView<T> grad_y, ConstView<std::uint8_t> argmax, View<T> grad_x,
                             const PoolOptions& options, GradientMode mode);
template <typename T>
void average_pool_forward_loops(ConstView<T> x, View<T> y, const PoolOptions& options);
template <typename T>
void average_pool_backward_loops(ConstView<T> grad_y, View<T> grad_x, const PoolOptions& options,
                                 GradientMode mode);
template <typename T>
void global_average_pool_forward_loops(ConstView<T> x, View<T> y);
template <typename T>
void global_average_pool_backward_loops(ConstView<T> grad_y, View<T> grad_x, GradientMode mode);
}  // namespace reference

namespace cpu {
MaxPoolForward max_pool_forward;
MaxPoolBackward max_pool_backward;
AveragePoolForward average_pool_forward;
AveragePoolBackward average_pool_backward;
GlobalAveragePoolForward global_average_pool_forward;
GlobalAveragePoolBackward global_average_pool_backward;
}  // namespace cpu

namespace cuda {
MaxPoolForward max_pool_forward;
MaxPoolBackward max_pool_backward;
AveragePoolForward average_pool_forward;
AveragePoolBackward average_pool_backward;
GlobalAveragePoolForward global_average_pool_forward;
GlobalAveragePoolBackward global_average_pool_backward;
}  // namespace cuda

}  // namespace lq::kernels
