#include "kernels/common/dispatch.h"
#include "kernels/level_table/level_table.h"

namespace lq::kernels {

void make_level_table(Stream& stream, ConstView<float> basis, CodeAlphabet alphabet,
                      const LevelTableOutputs& table) {
  check(basis.shape.rank() == 2 && basis.shape[1] >= 1 && basis.shape[1] <= max_bits,
        "make_level_table: basis {}, expected R x K with K from 1 to {}", basis.shape.to_string(),
        max_bits);
  const std::int64_t rows = basis.shape[0];
  const std::int64_t size = std::int64_t{1} << basis.shape[1];
  check(table.levels.shape == Shape{rows, size} && table.codes.shape == Shape{rows, size} &&
            table.thresholds.shape == Shape{rows, size - 1} &&
            table.pass_range.shape == Shape{rows, 2},
        "make_level_table: levels {}, codes {}, thresholds {} for basis {}",
        table.levels.shape.to_string(), table.codes.shape.to_string(),
        table.thresholds.shape.to_string(), basis.shape.to_string());
  // A few hundred numbers: on the CPU the plain version is the fast one.
  choose<MakeLevelTable>("make_level_table", stream,
                         {reference::make_level_table, reference::make_level_table,
                          LQNET_CUDA_KERNEL(cuda::make_level_table)})(stream, basis, alphabet,
                                                                      table);
}

}  // namespace lq::kernels
