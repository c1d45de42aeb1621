// Convolutions in float by own kernels, on tiles of matrix products whose operands are gathered on
// the way: nothing is unfolded in memory. A fully connected layer is one over maps of one pixel.
// Arguments and results as in conv2d/conv2d.h; sums are float, in an order that depends on the
// shape alone unless they are added atomically.
#pragma once

#include <string_view>

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/conv2d_geometry.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels::cuda {

void float_convolution_forward(std::string_view operation, Stream& stream,
                               const Conv2dGeometry& geometry, const float* x, const float* weight,
                               const float* bias, float* y);

void float_convolution_backward_data(std::string_view operation, Stream& stream,
                                     const Conv2dGeometry& geometry, const float* grad_y,
                                     const float* weight, float* grad_x, GradientMode mode);

void float_convolution_backward_weights(std::string_view operation, Stream& stream,
                                        const Conv2dGeometry& geometry, const float* grad_y,
                                        const float* x, float* grad_weight, GradientMode mode);

/// Whether the parts of a sum that is split over blocks are added to the result as they come, by
/// atomics, where its values lie in fours: where results may vary from run to run (determinism.h),
/// and the code that runs is for 9.0 or later (that of a later device may be older). Before 9.0
/// atomics take single floats: four requests for what storing parts and reading them again takes
/// two, so the ordered way stays.
bool adds_atomically(Device device);

/// sums[c] (+)= the sum over the pixels of values[pixel, c], in double.
void sum_over_pixels(std::string_view operation, Stream& stream, const float* values,
                     std::int64_t pixels, std::int64_t channels, float* sums, GradientMode mode);

/// The layer of linear/linear.h as a convolution.
inline Conv2dGeometry linear_geometry(std::int64_t batch, std::int64_t inputs,
                                      std::int64_t outputs) {
  return {.n = batch,
          .h = 1,
          .w = 1,
          .c_in = inputs,
          .c_out = outputs,
          .kernel_h = 1,
          .kernel_w = 1,
          .out_h = 1,
          .out_w = 1};
}

}  // namespace lq::kernels::cuda
