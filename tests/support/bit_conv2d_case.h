// What the tests of bit_conv2d, the kernel and the differentiable operation, run on.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "core/shape.h"
#include "kernels/common/conv2d_geometry.h"

namespace lq::testing {

/// A convolution of values and weights that both lie on learned levels.
struct BitConv2dCase {
  Shape x;       ///< N H W C
  Shape weight;  ///< O R S C
  kernels::Conv2dOptions options = {};
  int weight_bits = 2;
  int input_bits = 2;
  bool one_table = false;  ///< of levels, for all output channels
  bool bias = false;

  /// Rows of the weights' table of levels.
  std::int64_t weight_rows() const { return one_table ? 1 : weight[0]; }

  std::string to_string() const {
    return fmt::format("{} by {}, {}/{} bits", x, weight, weight_bits, input_bits);
  }
};

}  // namespace lq::testing
