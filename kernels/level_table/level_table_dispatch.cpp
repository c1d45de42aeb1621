#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/level_table/level_table.h"

namespace lq::kernels {

void make_level_table(Stream& stream, ConstView<float> basis, CodeAlphabet alphabet,
                      const LevelTableOutputs& table) {
  constexpr std::string_view operation = "make_level_table";
  check(basis.shape.rank() == 2 && basis.shape[1] >= 1 && basis.shape[1] <= max_bits,
        "{}: basis is {}, expected R x K with K from 1 to {}", operation, basis.shape, max_bits);
  const std::int64_t rows = basis.shape[0];
  const std::int64_t size = std::int64_t{1} << basis.shape[1];
  check_view(operation, "basis", stream, basis, basis.shape);
  check_view(operation, "levels", stream, table.levels, {rows, size});
  check_view(operation, "thresholds", stream, table.thresholds, {rows, size - 1});
  check_view(operation, "codes", stream, table.codes, {rows, size});
  check_view(operation, "pass_range", stream, table.pass_range, {rows, 2});
  // A few hundred numbers: on the CPU the plain version is the fast one.
  choose<MakeLevelTable>(operation, stream,
                         {reference::make_level_table, reference::make_level_table,
                          LQNET_CUDA_KERNEL(cuda::make_level_table)})(stream, basis, alphabet,
                                                                      table);
}

}  // namespace lq::kernels
