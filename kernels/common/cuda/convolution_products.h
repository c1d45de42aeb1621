// Convolutions in float as products of matrices, forwards and backwards: im2col without the
// columns. A linear layer is one with maps and kernels of a single pixel.
#pragma once

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/conv2d_geometry.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels::cuda {

/// As the calls of conv2d.h, by whose name errors go; sums in float, split over blocks in an order
/// that depends on the shape alone. `bias` may be null.
void convolution_forward(std::string_view operation, Stream& stream, const Conv2dGeometry& geometry,
                         const float* x, const float* weight, const float* bias, float* y);
void convolution_backward_data(std::string_view operation, Stream& stream,
                               const Conv2dGeometry& geometry, const float* grad_y,
                               const float* weight, float* grad_x, GradientMode mode);
void convolution_backward_weights(std::string_view operation, Stream& stream,
                                  const Conv2dGeometry& geometry, const float* grad_y,
                                  const float* x, float* grad_weight, GradientMode mode);
/// The sum of rows x channels gradients over the rows, in double.
void bias_gradient(std::string_view operation, Stream& stream, std::int64_t rows,
                   std::int64_t channels, const float* grad_y, float* grad_bias, GradientMode mode);

}  // namespace lq::kernels::cuda
