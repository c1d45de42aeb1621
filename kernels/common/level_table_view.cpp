#include "kernels/common/level_table_view.h"

#include "core/error.h"

namespace lq::kernels {

void check_level_table(std::string_view operation, const LevelTableView& table, std::int64_t rows) {
  const std::int64_t size = table.levels.shape.rank() == 2 ? table.size() : 0;
  check(size >= 2 && table.rows() == rows && table.thresholds.shape == Shape{rows, size - 1},
        "{}: levels {} and thresholds {}, expected {} rows of L levels and L-1 thresholds",
        operation, table.levels.shape.to_string(), table.thresholds.shape.to_string(), rows);
}

void check_level_statistics(std::string_view operation, const LevelTableView& table,
                            const LevelStatistics& statistics) {
  check((!statistics.counts || statistics.counts.shape == table.levels.shape) &&
            (!statistics.sums || statistics.sums.shape == table.levels.shape) &&
            (!statistics.non_finite || statistics.non_finite.elements() == 1),
        "{}: statistics of shapes {} and {} for levels {}", operation,
        statistics.counts.shape.to_string(), statistics.sums.shape.to_string(),
        table.levels.shape.to_string());
}

}  // namespace lq::kernels
