// Codes of a warp's lanes, and the words of bit-planes that they make. For *.cu files.
#pragma once

#include <cstdint>

#include "kernels/common/cuda/launch.h"

namespace lq::kernels::cuda {

/// The code of the highest of `size` ascending levels, a power of two, that `value` reaches; that
/// of the lowest one where there is none, or for NaN. Halves the range that the level may be in.
__device__ inline unsigned code_of_level(float value, const float* levels, const unsigned* codes,
                                         int size) {
  int position = 0;
#pragma unroll 1
  for (int step = size / 2; step > 0; step /= 2) {
    position += value >= levels[position + step] ? step : 0;
  }
  return codes[position];
}

/// Makes a word of each bit of the codes, in which the lane of a bit is its channel, and calls
/// visit(plane, word) in lane `plane`: the words of all planes are stored by one instruction. All
/// lanes of a warp must call, with the same number of planes, at most 32.
template <typename Visit>
__device__ void store_ballots(unsigned code, int planes, Visit&& visit) {
  const auto lane = static_cast<int>(threadIdx.x % warp_threads);
  std::uint32_t own = 0;
#pragma unroll 1  // callers are unrolled themselves
  for (int plane = 0; plane < planes; ++plane) {
    const std::uint32_t word = __ballot_sync(whole_warp, (code >> plane & 1U) != 0);
    if (lane == plane) own = word;
  }
  if (lane < planes) visit(lane, own);
}

}  // namespace lq::kernels::cuda
