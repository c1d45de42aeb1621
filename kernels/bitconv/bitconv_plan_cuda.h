// How a bit-convolution is computed on a GPU, for benches and tests that want to choose themselves.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "kernels/bitconv/bitconv.h"
#include "kernels/bitconv/bitconv_tile_plan.h"

namespace lq::kernels::cuda {

/// direct: popcounts, dot products of bytes and multiply-adds on the ordinary units, for every
/// description. tensor: tensor cores, where no segment is of floats and those of bytes have
/// multiples of four channels; others go the direct way.
enum class BitconvPath : unsigned char { direct, tensor };

/// What is not said is chosen.
struct BitconvPlan {
  std::optional<BitconvPath> path;
  std::optional<TilePlan> tiles;
};

/// LQNET_CUDA_BITCONV in the environment, direct or tensor, or nothing; throws Error for any other
/// value.
std::optional<BitconvPath> wanted_bitconv_path();

/// cuda::prepare_bitconv() follows wanted_bitconv_path(); this one the plan.
std::unique_ptr<Bitconv> prepare_bitconv(Stream& stream, const BitconvDescription& description,
                                         const BitconvPlan& plan);

}  // namespace lq::kernels::cuda
