#include "tests/resources/dynamic_shared.h"

#include <fmt/format.h>

#include "kernels/bitconv/bitconv_tile_plan.h"
#include "kernels/bitconv/bitconv_warpgroup_plan.h"

namespace lq::testing {

std::map<std::string, std::int64_t> dynamic_shared_bytes() {
  using kernels::cuda::BitconvTile;
  using kernels::cuda::extents_of;
  using kernels::cuda::WarpgroupTile;
  std::map<std::string, std::int64_t> bytes;
  for (const BitconvTile tile : {BitconvTile::wide, BitconvTile::square, BitconvTile::small}) {
    bytes[fmt::format("tiles_kernel<Tile<(BitconvTile){}> >", static_cast<int>(tile))] =
        extents_of(tile).shared_bytes();
  }
  for (const WarpgroupTile tile : {WarpgroupTile::wide, WarpgroupTile::narrow}) {
    bytes[fmt::format("warpgroup_kernel<GroupTile<(WarpgroupTile){}> >", static_cast<int>(tile))] =
        extents_of(tile).shared_bytes();
  }
  return bytes;
}

}  // namespace lq::testing
