#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/int8_grid/int8_grid.h"

namespace lq::kernels {

void snap_rows_to_grid(Stream& stream, ConstView<float> basis, View<float> snapped) {
  constexpr std::string_view operation = "snap_rows_to_grid";
  check(basis.shape.rank() == 2 && basis.shape[1] >= 1 && basis.shape[1] <= max_grid_bits,
        "{}: basis is {}, expected R x K with K from 1 to {}", operation, basis.shape,
        max_grid_bits);
  check_view(operation, "basis", stream, basis, basis.shape);
  check_view(operation, "snapped", stream, snapped, basis.shape);
  // About a hundred scales for a few hundred rows: on the CPU the plain version is fast enough.
  choose<SnapRowsToGrid>(operation, stream,
                         {reference::snap_rows_to_grid, reference::snap_rows_to_grid,
                          LQNET_CUDA_KERNEL(cuda::snap_rows_to_grid)})(stream, basis, snapped);
}

}  // namespace lq::kernels
