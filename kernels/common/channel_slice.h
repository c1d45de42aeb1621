// Copies between tensors that differ only in their channels, the last axis, on the CPU.
#pragma once

#include <cstdint>

#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// Number of pixels: the product of all extents but the last, 1 for rank 1.
std::int64_t pixels_of(const Shape& shape);

/// Whether the shapes are of equal rank, at least 1, and differ at most in the
/// number of channels.
bool same_pixels(const Shape& a, const Shape& b);

namespace cpu {

/// Copies `pixels` rows of `channels` values from rows that are from_stride apart to rows that are
/// to_stride apart.
void copy_channels(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride,
                   std::int64_t channels, std::int64_t pixels);

/// to (+)= the channels of `from` from first_channel on. They have the same pixels.
void take_channels(ConstView<float> from, std::int64_t first_channel, View<float> to,
                   GradientMode mode);

/// Pixels of this many channels that make a chunk of work: about 128 KiB, a fraction of L2.
std::int64_t pixels_per_chunk(std::int64_t channels);

}  // namespace cpu
}  // namespace lq::kernels
