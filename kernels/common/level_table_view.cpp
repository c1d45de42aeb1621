#include "kernels/common/level_table_view.h"

#include "kernels/common/check_view.h"

namespace lq::kernels {

void check_level_table(std::string_view operation, const Stream& stream,
                       const LevelTableView& table, std::int64_t rows) {
  const Shape& levels = table.levels.shape;
  check(levels.rank() == 2 && levels[1] >= 2, "{}: levels is {}, expected {} x L with L from 2 on",
        operation, levels, rows);
  check_view(operation, "levels", stream, table.levels, {rows, table.size()});
  check_view(operation, "thresholds", stream, table.thresholds, {rows, table.size() - 1});
  check_view(operation, "codes", stream, table.codes, {rows, table.size()});
  check_view(operation, "pass_range", stream, table.pass_range, {rows, 2});
}

void check_level_statistics(std::string_view operation, const Stream& stream,
                            const LevelTableView& table, const LevelStatistics& statistics) {
  const Shape& levels = table.levels.shape;
  if (statistics.counts) check_view(operation, "counts", stream, statistics.counts, levels);
  if (statistics.sums) check_view(operation, "sums", stream, statistics.sums, levels);
  if (statistics.non_finite) check_scalar(operation, "non_finite", stream, statistics.non_finite);
}

}  // namespace lq::kernels
