// How a bit-convolution is computed on a GPU, for benches and tests that want to choose themselves.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "core/device.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/bitconv/bitconv_tile_plan.h"
#include "kernels/bitconv/bitconv_warpgroup_plan.h"

namespace lq::kernels::cuda {

/// direct: popcounts, dot products of bytes and multiply-adds on the ordinary units, for every
/// description. tensor: tensor cores, by instructions of warps, where no segment is of floats and
/// those of bytes have multiples of four channels; others go the direct way. warpgroup: tensor
/// cores, by instructions of warpgroups, for the same descriptions; where has_warpgroups() is not,
/// as tensor.
enum class BitconvPath : unsigned char { direct, tensor, warpgroup };

/// What is not said is chosen.
struct BitconvPlan {
  std::optional<BitconvPath> path;
  std::optional<TilePlan> tiles;                // of tensor
  std::optional<WarpgroupTile> warpgroup_tile;  // of warpgroup
};

/// Whether the device has compute capability 9.0 and the program code for 9.0a.
bool has_warpgroups(Device device);

/// LQNET_CUDA_BITCONV in the environment, direct, tensor or warpgroup, or nothing; throws Error for
/// any other value.
std::optional<BitconvPath> wanted_bitconv_path();

/// cuda::prepare_bitconv() follows wanted_bitconv_path(); this one the plan.
std::unique_ptr<Bitconv> prepare_bitconv(Stream& stream, const BitconvDescription& description,
                                         const BitconvPlan& plan);

}  // namespace lq::kernels::cuda
