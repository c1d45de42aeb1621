// Parts of the pooling operations that are compiled once per instruction set.
#pragma once

#include <cstdint>

namespace lq::kernels {

/// A rectangle of pixels, all of whose channels are looked at: neighbours in a row are `channels`
/// elements apart, rows are row_stride elements apart. Place is the index of a pixel in a window,
/// as argmax counts it: that of the first pixel, and how it changes per row and per column.
struct PoolRectangle {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t row_stride;
  std::int64_t channels;
  std::int32_t first_place;
  std::int32_t place_per_row;
  std::int32_t place_per_column;
};

struct PoolKernels {
  /// y = the maximum over the pixels x of a window, and where it is; argmax may be null.
  void (*max)(const PoolRectangle& pixels, const float* x, float* y, std::uint8_t* argmax);
  /// grad_x, one pixel, = initial + grad_y of those windows whose argmax is their place for this
  /// pixel. `initial` may be grad_x, or null for zeros.
  void (*sum_of_won)(const PoolRectangle& windows, const float* grad_y, const std::uint8_t* argmax,
                     const float* initial, float* grad_x);
};

namespace portable {
extern const PoolKernels pool_kernels;
}
namespace avx2 {
extern const PoolKernels pool_kernels;
}
namespace avx512 {
extern const PoolKernels pool_kernels;
}

}  // namespace lq::kernels
