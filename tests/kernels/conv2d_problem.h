// A convolution with random operands, and what its results are compared by.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "kernels/conv2d/conv2d.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

#if defined(LQNET_WITH_CUDA)
#include "kernels/conv2d/conv2d_library.h"
#endif

namespace lq::testing {

inline constexpr double float_epsilon = std::numeric_limits<float>::epsilon();

inline Tensor full_of_nan(const Shape& shape) {
  return Tensor::full(shape, std::numeric_limits<float>::quiet_NaN());
}

inline std::vector<float> values(const Tensor& tensor) {
  const auto span = tensor.span<float>();
  return {span.begin(), span.end()};
}

inline constexpr const char* conv2d_choice_variable = "LQNET_CUDA_CONV";

/// Why cuDNN cannot be used; is asked for where there is a GPU.
inline std::string cudnn_failure() {
#if defined(LQNET_WITH_CUDA)
  return kernels::cuda::conv2d_library().failure;
#else
  return "this build is without CUDA";
#endif
}

/// What one convolution gives on one stream; gradients in both modes, from the same start.
struct Conv2dOutcome {
  Tensor y, y_with_bias;
  Tensor grad_x, grad_weight, grad_bias;
  Tensor added_x, added_weight, added_bias;
};

struct Conv2dOperands {
  explicit Conv2dOperands(const kernels::Conv2dGeometry& geometry_, std::uint64_t seed)
      : geometry(geometry_),
        x(random_normal(geometry.x_shape(), seed)),
        weight(random_normal(geometry.weight_shape(), seed + 1)),
        bias(random_normal(geometry.bias_shape(), seed + 2)),
        grad_y(random_normal(geometry.y_shape(), seed + 3)) {}

  /// Overwritten outputs start as NaN, which would spread if they were read.
  Conv2dOutcome run(Stream& stream) const {
    Conv2dOutcome outcome{.y = full_of_nan(geometry.y_shape()),
                          .y_with_bias = full_of_nan(geometry.y_shape()),
                          .grad_x = full_of_nan(geometry.x_shape()),
                          .grad_weight = full_of_nan(geometry.weight_shape()),
                          .grad_bias = full_of_nan(geometry.bias_shape()),
                          .added_x = x.clone(),
                          .added_weight = weight.clone(),
                          .added_bias = bias.clone()};
    kernels::conv2d_forward(stream, geometry, on(stream, x), on(stream, weight), {},
                            on(stream, outcome.y));
    kernels::conv2d_forward(stream, geometry, on(stream, x), on(stream, weight), on(stream, bias),
                            on(stream, outcome.y_with_bias));
    backward(stream, kernels::GradientMode::overwrite, outcome.grad_x, outcome.grad_weight,
             outcome.grad_bias);
    backward(stream, kernels::GradientMode::accumulate, outcome.added_x, outcome.added_weight,
             outcome.added_bias);
    return outcome;
  }

  kernels::Conv2dGeometry geometry;
  Tensor x, weight, bias, grad_y;

 private:
  void backward(Stream& stream, kernels::GradientMode mode, Tensor& grad_x, Tensor& grad_weight,
                Tensor& grad_bias) const {
    kernels::conv2d_backward_data(stream, geometry, on(stream, grad_y), on(stream, weight),
                                  on(stream, grad_x), mode);
    kernels::conv2d_backward_weights(stream, geometry, on(stream, grad_y), on(stream, x),
                                     on(stream, grad_weight), mode);
    kernels::conv2d_backward_bias(stream, geometry, on(stream, grad_y), on(stream, grad_bias),
                                  mode);
  }
};

/// Equal up to the rounding of float sums over `terms` products of standard normals: the sum
/// wanders about sqrt(terms) far, and is off by an epsilon of that at each of `terms` steps, with
/// random signs.
inline void expect_close(const Tensor& actual, const Tensor& expected, std::int64_t terms,
                         const kernels::Conv2dGeometry& geometry, const char* what) {
  const double tolerance = 4 * float_epsilon * static_cast<double>(terms + 1);
  EXPECT_TRUE(all_close(actual.span<float>(), expected.span<float>(), 4 * float_epsilon, tolerance))
      << what << " of " << geometry.to_string();
}

inline void expect_close(const Conv2dOutcome& actual, const Conv2dOutcome& expected,
                         const kernels::Conv2dGeometry& g) {
  const std::int64_t window = g.kernel_h * g.kernel_w;
  const std::int64_t forward_terms = window * g.c_in / g.groups;
  const std::int64_t data_terms = window * g.c_out / g.groups;
  const std::int64_t weight_terms = g.n * g.out_h * g.out_w;
  expect_close(actual.y, expected.y, forward_terms, g, "y");
  expect_close(actual.y_with_bias, expected.y_with_bias, forward_terms, g, "y with bias");
  expect_close(actual.grad_x, expected.grad_x, data_terms, g, "grad_x");
  expect_close(actual.added_x, expected.added_x, data_terms, g, "accumulated grad_x");
  expect_close(actual.grad_weight, expected.grad_weight, weight_terms, g, "grad_weight");
  expect_close(actual.added_weight, expected.added_weight, weight_terms, g,
               "accumulated grad_weight");
  expect_close(actual.grad_bias, expected.grad_bias, 1, g, "grad_bias");
  expect_close(actual.added_bias, expected.added_bias, 1, g, "accumulated grad_bias");
}

}  // namespace lq::testing
