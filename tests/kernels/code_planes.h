// Bit-planes of codes as tests make and read them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/packed_layout.h"
#include "core/tensor.h"

namespace lq::testing {

/// Planes for the values of x, P x C, full of what nothing may be left of.
inline Tensor planes_for(const Tensor& x, int bits) {
  Tensor planes({bits, x.shape()[0], packed::words(x.shape()[1])}, DType::i32);
  std::ranges::fill(planes.span<std::int32_t>(), 0x55555555);
  return planes;
}

/// The code at pixel p of channel c; beyond the last channel as well, up to whole words.
inline int code_at(const Tensor& planes, std::int64_t p, std::int64_t c) {
  const Shape& shape = planes.shape();
  int code = 0;
  for (std::int64_t plane = 0; plane < shape[0]; ++plane) {
    const auto word = static_cast<std::uint32_t>(
        planes.span<std::int32_t>()[(plane * shape[1] + p) * shape[2] + packed::word_of(c)]);
    code |= static_cast<int>(word >> packed::bit_of(c) & 1U) << plane;
  }
  return code;
}

/// Whether the planes hold `codes`, P x C, and nothing beyond the last channel.
inline ::testing::AssertionResult has_codes(const Tensor& planes, const std::vector<int>& codes,
                                            std::int64_t channels) {
  for (std::int64_t p = 0; p < planes.shape()[1]; ++p) {
    for (std::int64_t c = 0; c < planes.shape()[2] * packed::bits_per_word; ++c) {
      const int expected = c < channels ? codes[p * channels + c] : 0;
      if (code_at(planes, p, c) == expected) continue;
      return ::testing::AssertionFailure()
             << "pixel " << p << ", channel " << c << " of " << channels << ": code "
             << code_at(planes, p, c) << ", expected " << expected;
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace lq::testing
