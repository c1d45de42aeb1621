#include "kernels/bitconv/bitconv_launch_cuda.h"

#include <limits>
#include <string>
#include <string_view>

#include "core/environment.h"
#include "core/error.h"
#include "kernels/bitconv/bitconv_direct_cuda.h"
#include "kernels/bitconv/bitconv_floats_cuda.h"
#include "kernels/bitconv/bitconv_warpgroup_cuda.h"

namespace lq::kernels::cuda {

namespace {

int attribute(Device device, cudaDeviceAttr name) {
  int value = 0;
  check_cuda(cudaDeviceGetAttribute(&value, name, device.index), "bitconv");
  return value;
}

/// That multiplies a segment.
std::string_view instruction(Device device, Arithmetic arithmetic, BitconvPath path) {
  if (path == BitconvPath::direct || path == BitconvPath::tiled) {
    return arithmetic == Arithmetic::bits    ? "popc"
           : arithmetic == Arithmetic::bytes ? "dp4a"
                                             : "fma";
  }
  if (arithmetic == Arithmetic::bytes) return "s8";
  if (path == BitconvPath::warpgroup) return "b1 and";
  // As BitProduct of bitconv_mma_cuda.h.
  const int architecture = tiles_architecture(device);
  return architecture >= 100 ? "s8" : architecture >= 90 ? "b1 and" : "b1 xor";
}

}  // namespace

std::string BitconvWay::path_name() const {
  switch (path) {
    case BitconvPath::warpgroup:
      return "wgmma";
    case BitconvPath::tensor:
      return "mma";
    case BitconvPath::tiled:
      return "tiled";
    case BitconvPath::direct:
      break;
  }
  return "direct";
}

std::string BitconvWay::tile_name() const {
  if (float_tile) return fmt::format("{}x{}", float_tile->rows, float_tile->columns);
  if (warpgroup_tile) {
    return fmt::format("{}x{}", WarpgroupExtents::rows, extents_of(*warpgroup_tile).columns);
  }
  if (!tiles) return {};
  const TileExtents extents = extents_of(tiles->tile);
  return fmt::format("{}x{}", extents.rows, extents.columns);
}

bool has_warpgroups(Device device) {
  return is_built_for_warpgroups && attribute(device, cudaDevAttrComputeCapabilityMajor) == 9 &&
         attribute(device, cudaDevAttrComputeCapabilityMinor) == 0;
}

std::optional<BitconvPath> wanted_bitconv_path() {
  return chosen_by_environment<BitconvPath>("LQNET_CUDA_BITCONV",
                                            {{"direct", BitconvPath::direct},
                                             {"tensor", BitconvPath::tensor},
                                             {"warpgroup", BitconvPath::warpgroup}});
}

std::int64_t pitch_of(std::int64_t outputs) {
  return round_up<std::int64_t>(outputs, channel_block);
}

DeviceConvolution device_convolution(const Conv2dGeometry& g) {
  constexpr std::int64_t most = std::int64_t{1} << 30;
  check(
      g.h < most && g.w < most && g.c_in < most && g.c_out < most && g.kernel_h * g.kernel_w < most,
      "bitconv: geometry {}, on a GPU extents below 2^30 are expected", g.to_string());
  DeviceConvolution conv;
  conv.h = static_cast<int>(g.h);
  conv.w = static_cast<int>(g.w);
  conv.p = static_cast<int>(g.out_h);
  conv.q = static_cast<int>(g.out_w);
  conv.kernel_h = static_cast<int>(g.kernel_h);
  conv.kernel_w = static_cast<int>(g.kernel_w);
  conv.stride_h = static_cast<int>(g.stride_h);
  conv.stride_w = static_cast<int>(g.stride_w);
  conv.pad_top = static_cast<int>(g.pad_top);
  conv.pad_left = static_cast<int>(g.pad_left);
  conv.outputs = static_cast<int>(g.c_out);
  conv.outputs_pitch = static_cast<int>(pitch_of(g.c_out));
  conv.by_q = Divider(g.out_w);
  conv.by_p = Divider(g.out_h);
  conv.by_kernel_w = Divider(g.kernel_w);
  return conv;
}

BitconvLauncher::BitconvLauncher(Device device, const BitconvPlan& plan)
    : plan_(plan),
      has_warpgroups_(has_warpgroups(device)),
      multiprocessors_(attribute(device, cudaDevAttrMultiProcessorCount)) {}

void BitconvLauncher::run(Stream& stream, DeviceConvolution conv, Order order, std::int64_t images,
                          const SplitMemory& split) const {
  check(images * conv.h * conv.w <= std::numeric_limits<int>::max(),
        "bitconv: {} images of {} x {}, on a GPU fewer than 2^31 pixels are expected", images,
        conv.h, conv.w);
  conv.pixels = images * conv.p * conv.q;
  const BitconvWay chosen = chosen_way(conv, order, images);
  if (order == Order::tiles) set_copy_words(conv);
  switch (chosen.path) {
    case BitconvPath::warpgroup:
      return run_warpgroups(stream, conv, *chosen.warpgroup_tile);
    case BitconvPath::tensor:
      return run_tiles(stream, conv, *chosen.tiles, split);
    case BitconvPath::tiled:
      return run_float_tiles(stream, conv, *chosen.float_tile);
    case BitconvPath::direct:
      return run_direct(stream, conv);
  }
}

BitconvWay BitconvLauncher::chosen_way(DeviceConvolution conv, Order order,
                                       std::int64_t images) const {
  conv.pixels = images * conv.p * conv.q;
  BitconvWay way;
  if (order == Order::tiles) {
    const TileProblem problem = problem_of(conv);
    way.warpgroup_tile = warpgroup_tile(problem);
    way.path = way.warpgroup_tile ? BitconvPath::warpgroup : BitconvPath::tensor;
    if (!way.warpgroup_tile) way.tiles = tile_plan(problem);
  } else if ((way.float_tile = float_tile(conv))) {
    way.path = BitconvPath::tiled;
  }
  return way;
}

BitconvWay BitconvLauncher::way(Device device, const DeviceConvolution& conv, Order order,
                                std::int64_t images) const {
  BitconvWay way = chosen_way(conv, order, images);
  for (int i = 0; i < conv.segments; ++i) {
    const std::string_view name = instruction(device, conv.segment[i].arithmetic, way.path);
    if (way.instructions.find(name) != std::string::npos) continue;
    if (!way.instructions.empty()) way.instructions += " + ";
    way.instructions += name;
  }
  return way;
}

/// None: the direct way.
std::optional<FloatTile> BitconvLauncher::float_tile(const DeviceConvolution& conv) const {
  if (plan_.path == BitconvPath::direct) return std::nullopt;
  return plan_float_tiles(conv, /*at_any_size=*/plan_.path == BitconvPath::tiled);
}

TilePlan BitconvLauncher::tile_plan(const TileProblem& problem) const {
  return plan_.tiles ? within_bounds(problem, *plan_.tiles, multiprocessors_)
                     : plan_tiles(problem, multiprocessors_);
}

/// None: tiles of warps.
std::optional<WarpgroupTile> BitconvLauncher::warpgroup_tile(const TileProblem& problem) const {
  if (!has_warpgroups_ || plan_.path == BitconvPath::tensor) return std::nullopt;
  if (plan_.tiles && !plan_.path) return std::nullopt;
  if (plan_.warpgroup_tile) return within_bounds(problem, *plan_.warpgroup_tile);
  const auto chosen = plan_warpgroups(problem, multiprocessors_);
  if (chosen || plan_.path != BitconvPath::warpgroup) return chosen;
  return WarpgroupTile::narrow;
}

}  // namespace lq::kernels::cuda
