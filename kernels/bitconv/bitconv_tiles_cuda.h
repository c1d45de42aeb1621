// Bit-convolution on tensor cores.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/stream.h"
#include "kernels/bitconv/bitconv_cuda.h"
#include "kernels/bitconv/bitconv_plan_cuda.h"

namespace lq::kernels::cuda {

/// Where the blocks of a tile that is split leave their sums.
struct SplitMemory {
  std::int32_t* sums = nullptr;     // of split_bytes()
  std::int32_t* arrived = nullptr;  // a counter for each tile, zero between launches
  int slots = 0;                    // split_slots()
};

/// Sums that a thread hands on.
int split_slots(const DeviceConvolution& conv);
/// Memory for the sums of as many blocks.
std::size_t split_bytes(const DeviceConvolution& conv, int blocks);

/// What its plan depends on.
TileProblem problem_of(const DeviceConvolution& conv);

/// For inputs that are there: tiles and warpgroups want it.
void set_copy_words(DeviceConvolution& conv);

/// All segments are bits or bytes, in Order::tiles.
void run_tiles(Stream& stream, const DeviceConvolution& conv, const TilePlan& plan,
               const SplitMemory& split);

/// The architecture for which the code was compiled that the device runs: 80 for 8.0.
int tiles_architecture(Device device);

}  // namespace lq::kernels::cuda
