// Bit-convolution by warpgroups of compute capability 9.0a.
#pragma once

#include "core/error.h"
#include "core/stream.h"
#include "kernels/bitconv/bitconv_cuda.h"
#include "kernels/bitconv/bitconv_warpgroup_plan.h"

namespace lq::kernels::cuda {

/// All segments are bits or bytes, in Order::tiles. For devices that has_warpgroups() is true of.
#if defined(LQNET_WITH_SM_90A)
inline constexpr bool is_built_for_warpgroups = true;
void run_warpgroups(Stream& stream, const DeviceConvolution& conv, WarpgroupTile tile);
#else
inline constexpr bool is_built_for_warpgroups = false;
inline void run_warpgroups(Stream&, const DeviceConvolution&, WarpgroupTile) {
  fail("bitconv: this program has no code for compute capability 9.0a");
}
#endif

}  // namespace lq::kernels::cuda
