// From a bit-convolution whose operands lie on the device to the kernel that computes it.
#pragma once

#include "kernels/bitconv/bitconv_cuda.h"
#include "kernels/bitconv/bitconv_plan_cuda.h"
#include "kernels/bitconv/bitconv_tiles_cuda.h"

namespace lq::kernels::cuda {

/// Its extents. Throws Error for some that kernels cannot count.
DeviceConvolution device_convolution(const Conv2dGeometry& geometry);

/// Output channels rounded up to channel_block.
std::int64_t pitch_of(std::int64_t outputs);

/// Queues convolutions as a plan and the device will have them.
class BitconvLauncher {
 public:
  BitconvLauncher(Device device, const BitconvPlan& plan);

  /// In which weights shall lie; `fits_tiles`: whether tensor cores can take all of them.
  Order order(bool fits_tiles) const {
    return fits_tiles && plan_.path != BitconvPath::direct ? Order::tiles : Order::lanes;
  }

  /// Blocks of split tiles that have memory for their sums, where run() chooses.
  int split_blocks() const { return most_split_blocks(multiprocessors_); }

  /// `conv` has all its operands but for the numbers of pixels, which follow from `images`; what
  /// `split` points to, of Order::tiles alone, is for split_blocks() blocks. Throws Error for
  /// 2^31 input pixels or more, and when the device refuses the work.
  void run(Stream& stream, DeviceConvolution conv, Order order, std::int64_t images,
           const SplitMemory& split) const;

  /// What run() does on this device; `chosen_way` without the names of instructions, which are for
  /// reports.
  BitconvWay chosen_way(DeviceConvolution conv, Order order, std::int64_t images) const;
  BitconvWay way(Device device, const DeviceConvolution& conv, Order order,
                 std::int64_t images) const;

 private:
  std::optional<FloatTile> float_tile(const DeviceConvolution& conv) const;
  TilePlan tile_plan(const TileProblem& problem) const;
  std::optional<WarpgroupTile> warpgroup_tile(const TileProblem& problem) const;

  BitconvPlan plan_;
  bool has_warpgroups_;
  int multiprocessors_;
};

}  // namespace lq::kernels::cuda
