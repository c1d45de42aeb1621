// How a bit-convolution is computed on a GPU, for benches and tests that want to choose themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/device.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/bitconv/bitconv_tile_plan.h"
#include "kernels/bitconv/bitconv_warpgroup_plan.h"

namespace lq::kernels::cuda {

/// direct: popcounts, dot products of bytes and multiply-adds on the ordinary units, for every
/// description. tiled: multiply-adds of tiles that lie in shared memory, where the only segment is
/// of floats; others as if nothing was said. tensor: tensor cores, by instructions of warps, where
/// no segment is of floats and those of bytes have multiples of four channels; others are tiled or
/// go the direct way. warpgroup: tensor cores, by instructions of warpgroups, for the same
/// descriptions; where has_warpgroups() is not, as tensor.
enum class BitconvPath : unsigned char { direct, tiled, tensor, warpgroup };

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

/// Output pixels (rows) by output channels (columns) of a block of the tiled way.
struct FloatTile {
  int number;  // in for_each_tile() of kernels/common/cuda/float_gemm_launch.h
  int rows;
  int columns;
};

/// What a prepared convolution does with a batch.
struct BitconvWay {
  BitconvPath path = BitconvPath::direct;
  /// Of its products, in the code that this device runs, by kinds of segments: "b1 and", "b1 xor"
  /// (binary products of mma or wgmma), "s8", "popc", "dp4a", "fma"; "b1 and + s8" for segments of
  /// both.
  std::string instructions;
  std::optional<FloatTile> float_tile;          // where the path is tiled
  std::optional<TilePlan> tiles;                // where it is tensor
  std::optional<WarpgroupTile> warpgroup_tile;  // where it is warpgroup

  /// "wgmma", "mma", "tiled" or "direct".
  std::string path_name() const;
  /// Output pixels x output channels of a block: "128x64"; empty where the path is direct.
  std::string tile_name() const;
  /// Blocks that share the window of a tile.
  int splits() const { return tiles ? tiles->splits : 1; }
};

/// What run() will do for operands of so many images. Throws Error for a convolution that neither
/// this prepare_bitconv() nor cuda::prepare_bitconv() has made.
BitconvWay way_of(const Bitconv& conv, std::int64_t batch);

}  // namespace lq::kernels::cuda
