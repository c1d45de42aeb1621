// How long a bit-convolution would take on a GPU: arithmetic about the kernel of
// kernels/bitconv/bitconv_tiles_cuda.cu, and of bitconv_warpgroup_cuda_sm90a.cu on 9.0, with the
// tiles that they take there. docs/gpu-model.md has what comes out. Predictions: nobody has
// measured them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bench/convolution_problem.h"
#include "bench/convolution_shapes.h"
#include "bench/gpu_spec.h"
#include "kernels/bitconv/bitconv_tile_plan.h"
#include "kernels/bitconv/bitconv_warpgroup_plan.h"

namespace lq::bench {

/// What no data sheet tells. Instructions are those of a warp, counted in the machine code for 8.0
/// that CUDA 13 makes of the kernel, and rounded.
namespace gpu_assumptions {

inline constexpr double launch_us = 1.5;  ///< a node of a graph, from the end of the one before
/// From the second-level cache into shared memory: 200 to 300 have been measured.
inline constexpr double copy_latency = 300;
inline constexpr double load_latency = 33;  ///< from the first-level cache
/// Of a warp that shares its scheduler with few others, whose instructions wait for one another.
inline constexpr double clocks_per_instruction = 2;
/// Of those for many values that do not depend on one another.
inline constexpr double clocks_per_independent_instruction = 1.5;
inline constexpr double cache_port_bytes = 64;  ///< per clock into a multiprocessor
inline constexpr double shared_port_bytes = 128;
inline constexpr double schedulers = 4;  ///< of a multiprocessor, an instruction per clock each

/// Of a block, up to its first copy.
inline constexpr double block_instructions = 200;
/// Copying a stage: once, and for each row that a thread takes part of, with each plane; more where
/// bytes have a value outside of the map.
inline constexpr double stage_instructions = 100;
inline constexpr double row_instructions = 10;
inline constexpr double row_plane_instructions = 3;
inline constexpr double row_outside_instructions = 14;
/// A step, besides its products: once, and for each load of four matrices and its address.
inline constexpr double step_instructions = 8;
inline constexpr double matrix_load_instructions = 2;
/// Of tiles of warpgroups, for a stage: those that copy, with one plane and for each further one;
/// those that multiply, and for each product.
inline constexpr double copier_instructions = 90;
inline constexpr double copier_plane_instructions = 25;
inline constexpr double multiplier_instructions = 36;
inline constexpr double product_instructions = 1;
/// Expansion of four bits of inputs and of weights into bytes.
inline constexpr double input_expansion = 2;
inline constexpr double weight_expansion = 3;
/// From the sum of a thread to the tile's value.
inline constexpr double value_instructions = 3;
inline constexpr double value_plane_instructions = 3;
/// Sums of other parts, where a window is split.
inline constexpr double gather_instructions = 3;
/// Pixels that a warp finishes at once: for all of them, and for each; the same of a threshold, for
/// up to finished_planes planes or for bytes; of a byte.
inline constexpr double group_instructions = 75;
inline constexpr double pixel_instructions = 7;
inline constexpr double group_threshold_instructions = 5;
inline constexpr double pixel_threshold_instructions = 3;
inline constexpr int finished_planes = 4;
inline constexpr double pixel_byte_instructions = 10;
/// Loads for all of them that wait for one another.
inline constexpr double group_loads = 3;

}  // namespace gpu_assumptions

/// Microseconds, each as if everything else took none.
struct GpuTimes {
  double tensor = 0;        ///< products on tensor cores
  double expansion = 0;     ///< of bits into bytes, on ordinary units
  double shared = 0;        ///< copies into shared memory and reads from it
  double instructions = 0;  ///< of the walks over windows
  double cache = 0;         ///< copies, and sums of split tiles, from the second-level cache
  double memory = 0;        ///< operands and results, each once
  double latency = 0;       ///< of the walks, stage by stage and block by block
  double epilogue = 0;      ///< from sums to packed results, by instructions or their latency
  double launch = 0;
};

struct GpuPrediction {
  kernels::cuda::TilePlan plan;
  /// Instead of the plan, where set.
  std::optional<kernels::cuda::WarpgroupTile> warpgroups;
  kernels::cuda::TileGrid grid;
  int steps = 0;            ///< of 256 bits or 32 bytes, with padding, in one walk over a window
  int resident_blocks = 0;  ///< that a multiprocessor has registers and shared memory for
  std::int64_t waves = 0;   ///< that the fullest multiprocessor computes
  GpuTimes times;
  double us = 0;
  std::string_view limit;      ///< the longest of the times
  double tensor_bound_us = 0;  ///< products without padding at the peak of the tensor cores
  /// us against the bound.
  double ratio() const { return us / tensor_bound_us; }
};

/// The launch, then the walks over windows as long as the slowest of what they need takes, then the
/// epilogue. Throws Error for bytes (uses_grid()) in channels that are no multiple of 4, which the
/// kernel does not take.
GpuPrediction predict_convolution(const GpuSpec& gpu, const ConvolutionShape& shape,
                                  BitWidths widths, std::int64_t batch);

}  // namespace lq::bench
