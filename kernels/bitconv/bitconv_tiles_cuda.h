// Bit-convolution on tensor cores.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/stream.h"
#include "kernels/bitconv/bitconv_cuda.h"
#include "kernels/bitconv/bitconv_plan_cuda.h"

namespace lq::kernels::cuda {

/// Where the blocks of a tile that is split leave their sums. Launches that may run at the same
/// time have memory of their own.
struct SplitMemory {
  std::int32_t* sums = nullptr;
  std::int32_t* arrived = nullptr;  // a counter for each tile, zero between launches
  int slots = 0;                    // sums that a thread hands on
};

/// The counters and sums of as many blocks. Counters come first, so that convolutions of one device
/// that take turns with the same memory have them at the same place.
std::size_t split_bytes(const DeviceConvolution& conv, int blocks);
std::size_t split_counter_bytes(int blocks);
SplitMemory split_memory(const DeviceConvolution& conv, int blocks, std::byte* memory);

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
