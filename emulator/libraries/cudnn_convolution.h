// Convolutions on the host, channels last, by plain loops with sums in double.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/libraries/numbers.h"

namespace lq::emulator::cudnn {

enum class Pass { forward, backward_data, backward_filter };

/// x n h w c, w k r s c/groups, y n p q k.
struct Convolution {
  Pass pass = Pass::forward;
  std::int64_t n = 0, h = 0, w = 0, c = 0;
  std::int64_t k = 0, r = 0, s = 0;
  std::int64_t p = 0, q = 0;
  std::int64_t stride_h = 1, stride_w = 1, pad_top = 0, pad_left = 0;
  std::int64_t groups = 1;
  float alpha = 1, beta = 0;
  FactorType factors = FactorType::f32;
  Number type = Number::f32;  // of all three tensors

  std::int64_t x_size() const { return n * h * w * c; }
  std::int64_t filter_size() const { return k * r * s * (c / groups); }
  std::int64_t y_size() const { return n * p * q * k; }
};

/// result = alpha times the pass's one of x, w and y, of the other two, + beta result.
void compute(const Convolution& convolution, std::byte* x, std::byte* w, std::byte* y);

}  // namespace lq::emulator::cudnn
